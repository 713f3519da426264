import { isJsonObject, type JsonObject } from '../json/json-object.ts'
import { manifestsIn } from './manifest-stream.ts'
import { snapshotVersion } from './snapshot.ts'

/** One object of a file, or what stands in its place. */
export type CheckDocument =
  | {
      /** `file.yaml:12`, for a person to find it. */
      readonly source: string
      readonly object: JsonObject
      /** Fields that are written twice in one object: `spec.tags`. */
      readonly twice: readonly string[]
      /** When the snapshot was taken that it is part of, in milliseconds since the epoch; absent if nothing says so. */
      readonly takenAt?: number
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
    const takenAt = timeOf(value)
    if (takenAt !== undefined && Number.isNaN(takenAt))
      return [{ source, problem: 'takenAt is no time such as 2026-11-23T18:00:00Z' }]
    return flat({ source, object: value, twice, ...(takenAt === undefined ? {} : { takenAt }) })
  })
}

/** When a snapshot was taken; NaN if what it says is no time, undefined for what says nothing, or is no snapshot. */
function timeOf({ apiVersion, kind, takenAt }: JsonObject): number | undefined {
  if (apiVersion !== snapshotVersion || kind !== 'Snapshot' || takenAt === undefined) return undefined
  return typeof takenAt === 'string' && rfc3339.test(takenAt) ? Date.parse(takenAt) : NaN
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/

/** Whatever has `items` is a list, as kubectl has it. */
function flat(document: Extract<CheckDocument, { object: JsonObject }>): CheckDocument[] {
  const { source, object, twice, ...taken } = document
  if (!('items' in object)) return [document]
  const items = object.items ?? []
  if (!Array.isArray(items)) return [{ source, problem: 'items has to be a list' }]
  const list: readonly unknown[] = items
  return list.flatMap((item, index) => {
    const its = `${source} items[${index}]`
    if (!isJsonObject(item)) return [{ source: its, problem: 'an item has to be an object' }]
    const own = twice.flatMap((path) => withinItem(path, index) ?? [])
    return flat({ source: its, object: { ...inherited(object, item), ...item }, twice: own, ...taken })
  })
}

/** The path below an item; what is twice in the list itself concerns each, and what is so in another item none. */
function withinItem(path: string, index: number): string | undefined {
  const [, its, below] = /^items\[(\d+)\]\.?(.*)$/s.exec(path) ?? []
  if (its === undefined) return path
  return Number(its) === index ? below : undefined
}

/** The items of a typed list do not repeat what they are. */
function inherited({ apiVersion, kind }: JsonObject, item: JsonObject): JsonObject {
  if ('apiVersion' in item || 'kind' in item || typeof kind !== 'string') return {}
  return kind.endsWith('List') && kind !== 'List' ? { apiVersion, kind: kind.slice(0, -'List'.length) } : {}
}
