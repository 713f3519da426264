import { isJsonObject } from './json-object.ts'

/**
 * Applies a JSON merge patch (RFC 7396): null takes a field away, an object is merged, anything else replaces.
 * Neither argument is changed.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  // Built by entries and never by assignment: `__proto__` is a key like any other.
  const merged = new Map(Object.entries(isJsonObject(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}
