import { isJsonObject, type JsonObject } from '../json/json-object.ts'
import { readYamlDocuments, UnreadableYaml } from '../text/yaml-text.ts'

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
  const documents: CheckDocument[] = []
  try {
    for (const { line, value } of readYamlDocuments(text)) {
      const source = `${path}:${line}`
      if (value === null || value === undefined) continue
      if (!isJsonObject(value)) throw new UnreadableFile(source, 'a document has to be an object')
      documents.push(...flat({ source, object: value }))
    }
  } catch (error) {
    if (error instanceof UnreadableYaml) throw new UnreadableFile(path, error.message)
    throw error
  }
  return documents
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
