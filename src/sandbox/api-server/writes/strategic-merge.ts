import { isJsonObject, type JsonObject } from '../../../json/schema.ts'

/**
 * The lists of built-in kinds with merged elements, and their merge keys. All other lists are replaced as a
 * whole.
 */
const keys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  webhooks: 'name',
  ownerReferences: 'uid',
  conditions: 'type',
}

/**
 * Applies a strategic merge patch, which kubectl sends for built-in kinds. It merges each element of such a
 * list with the one of the same key. Known limit: the order of elements stays, whatever the patch says.
 */
export function strategicMerge(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const merged = new Map(Object.entries(isJsonObject(target) && patch.$patch !== 'replace' ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    if (value === null || isDeletion(value)) merged.delete(key)
    else if (Array.isArray(value)) merged.set(key, mergedList(key, merged.get(key), value))
    else merged.set(key, strategicMerge(merged.get(key), value))
  }
  if (!Array.isArray(patch.$retainKeys)) return Object.fromEntries(merged)
  const retained = new Set<unknown>(patch.$retainKeys)
  return Object.fromEntries([...merged].filter(([key]) => retained.has(key)))
}

function mergedList(field: string, target: unknown, patch: readonly unknown[]): unknown[] {
  const key = keys[field]
  const isReplaced = patch.some((each) => isJsonObject(each) && each.$patch === 'replace')
  const wanted = patch.filter(isJsonObject)
  if (key === undefined || isReplaced)
    return patch.filter((each) => !isJsonObject(each) || each.$patch === undefined)
  const left: unknown[] = Array.isArray(target) ? target : []
  const same = (one: unknown, other: JsonObject): boolean => isJsonObject(one) && one[key] === other[key]
  const changed = left.flatMap((each) => {
    const its = wanted.find((other) => same(each, other))
    return its === undefined ? [each] : isDeletion(its) ? [] : [strategicMerge(each, its)]
  })
  const added = wanted.filter((each) => !isDeletion(each) && !left.some((other) => same(other, each)))
  return [...changed, ...added.map((each) => strategicMerge({}, each))]
}

function isDeletion(value: unknown): boolean {
  return isJsonObject(value) && value.$patch === 'delete'
}
