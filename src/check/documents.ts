import { LineCounter, parseAllDocuments } from 'yaml'
import { isJsonObject, type JsonObject } from '../json/json-object.ts'

/** One object of a file. */
export interface CheckDocument {
  /** `file.yaml:12`, for a person to find it. */
  readonly source: string
  readonly object: JsonObject
}

/** Thrown for a file that is no YAML or JSON, with the place. */
export class UnreadableFile extends Error {
  constructor(source: string, problem: string) {
    super(`${source}: ${problem}`)
    this.name = 'UnreadableFile'
  }
}

/**
 * The objects in a file: several documents, lists (`kind: List`, and those of kubectl), snapshots. An empty document
 * is none.
 *
 * @throws UnreadableFile
 */
export function documentsIn(text: string, path: string): CheckDocument[] {
  const lineCounter = new LineCounter()
  const documents: CheckDocument[] = []
  for (const document of parseAllDocuments(text, { lineCounter })) {
    const [error] = document.errors
    if (error) throw new UnreadableFile(path, error.message)
    const line = lineCounter.linePos(document.contents?.range[0] ?? 0).line
    const source = `${path}:${line}`
    const value = valueOf(document, source)
    if (value === null || value === undefined) continue
    if (!isJsonObject(value)) throw new UnreadableFile(source, 'a document has to be an object')
    documents.push(...flat({ source, object: value }))
  }
  return documents
}

/** Aliases are followed only here: one without an anchor, or a bomb of them, throws. */
function valueOf(document: { toJS: () => unknown }, source: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw new UnreadableFile(source, error instanceof Error ? error.message : String(error))
  }
}

function flat({ source, object }: CheckDocument): CheckDocument[] {
  const { kind, items } = object
  const isList = typeof kind === 'string' && (kind.endsWith('List') || kind === 'Snapshot')
  if (!isList || !Array.isArray(items)) return [{ source, object }]
  const list: readonly unknown[] = items
  return list.flatMap((item, index) => {
    if (!isJsonObject(item)) throw new UnreadableFile(source, `items[${index}] has to be an object`)
    // The items of a typed list do not repeat what they are.
    const itemKind = kind === 'List' || kind === 'Snapshot' ? {} : { kind: kind.slice(0, -'List'.length) }
    return flat({
      source: `${source} items[${index}]`,
      object: { apiVersion: object.apiVersion, ...itemKind, ...item },
    })
  })
}
