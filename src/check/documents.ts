import { isJsonObject, type JsonObject } from '../json/json-object.ts'
import { manifestsIn } from './manifest-stream.ts'

/** One object of a file, or what stands in its place. */
export type CheckDocument =
  | {
      /** `file.yaml:12`, for a person to find it. */
      readonly source: string
      readonly object: JsonObject
      /** Keys that its document has twice in one object. */
      readonly twice: readonly string[]
    }
  | { readonly source: string; readonly problem: string }

/**
 * The objects in a file as kubectl reads it: several documents, lists (`kind: List`, and those of kubectl), snapshots. An
 * empty document is none. What cannot be read has its place among the others.
 */
export function documentsIn(text: string, path: string): CheckDocument[] {
  return [...manifestsIn(text)].flatMap((document): CheckDocument[] => {
    const source = `${path}:${document.line}`
    if ('problem' in document) return [{ source, problem: document.problem }]
    const { value, twice } = document
    if (value === null) return []
    if (!isJsonObject(value)) return [{ source, problem: 'a document has to be an object' }]
    return flat({ source, object: value, twice })
  })
}

/** Whatever has `items` is a list, as kubectl has it. */
function flat(document: Extract<CheckDocument, { object: JsonObject }>): CheckDocument[] {
  const { source, object, twice } = document
  if (!('items' in object)) return [document]
  const items = object.items ?? []
  if (!Array.isArray(items)) return [{ source, problem: 'items has to be a list' }]
  const list: readonly unknown[] = items
  return list.flatMap((item, index) => {
    const its = `${source} items[${index}]`
    if (!isJsonObject(item)) return [{ source: its, problem: 'an item has to be an object' }]
    return flat({ source: its, object: { ...inherited(object, item), ...item }, twice })
  })
}

/** The items of a typed list do not repeat what they are. */
function inherited({ apiVersion, kind }: JsonObject, item: JsonObject): JsonObject {
  if ('apiVersion' in item || 'kind' in item || typeof kind !== 'string') return {}
  return kind.endsWith('List') && kind !== 'List' ? { apiVersion, kind: kind.slice(0, -'List'.length) } : {}
}
