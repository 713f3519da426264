import { isJsonObject, type JsonObject } from '../json/json-object.ts'
import { mergePatch } from '../json/merge-patch.ts'

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * What `kubectl apply` of a manifest makes of an object: fields of the manifest are set, those that the last applied
 * one had and this one has not are taken away, others stay. Status is not applied.
 */
export function applied(current: JsonObject, manifest: JsonObject): unknown {
  const last = lastApplied(current)
  const wanted = Object.fromEntries(Object.entries(manifest).filter(([key]) => key !== 'status'))
  return mergePatch(mergePatch(current, last === undefined ? {} : removals(last, wanted)), wanted)
}

/** What `kubectl replace` of a manifest makes of it: everything but status and what the API server itself keeps. */
export function replaced(current: JsonObject, manifest: JsonObject): JsonObject {
  const kept = isJsonObject(current.metadata) ? current.metadata : {}
  const given = isJsonObject(manifest.metadata) ? manifest.metadata : {}
  const { uid, resourceVersion, creationTimestamp, deletionTimestamp } = kept
  const metadata = { ...given, uid, resourceVersion, creationTimestamp, deletionTimestamp }
  return { ...manifest, metadata, ...('status' in current ? { status: current.status } : {}) }
}

function lastApplied(current: JsonObject): JsonObject | undefined {
  const annotations = isJsonObject(current.metadata) ? current.metadata.annotations : undefined
  const text = isJsonObject(annotations) ? annotations[lastAppliedAnnotation] : undefined
  if (typeof text !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    // kubectl itself would fail here; what the manifest says is judged all the same.
    return undefined
  }
}

/** A merge patch that takes away what is in `last` and not in `wanted`. */
function removals(last: JsonObject, wanted: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(last).flatMap(([key, value]): [string, unknown][] => {
      if (key === 'status') return []
      if (!Object.hasOwn(wanted, key)) return [[key, null]]
      const other = wanted[key]
      return isJsonObject(value) && isJsonObject(other) ? [[key, removals(value, other)]] : []
    }),
  )
}
