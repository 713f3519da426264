import { applyPatch, type Operation } from 'rfc6902'
import { isJsonObject } from './schema.ts'

/**
 * The result of applying a patch: the new document, an error in the patch, or the operation that does not
 * fit.
 */
type Patched =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fits: boolean; readonly problem: string }

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test']

/**
 * Applies a JSON patch (RFC 6902) as a whole or not at all. The target is not changed.
 *
 * @returns `fits: false` for a malformed patch, `fits: true` for a patch that this object rejects
 */
export function jsonPatch(target: unknown, patch: unknown): Patched {
  if (!Array.isArray(patch) || !patch.every(isOperation))
    return { ok: false, fits: false, problem: 'a JSON patch is a list of {"op", "path", …} operations' }
  const value: unknown = structuredClone(target)
  for (const [index, error] of applyPatch(value, structuredClone(patch)).entries()) {
    if (!error) continue
    const { op, path } = patch[index] ?? {}
    const what = error.name === 'TestError' ? 'the test failed' : 'the path does not exist'
    return { ok: false, fits: true, problem: `operation ${index} (${op} ${path}): ${what}` }
  }
  return { ok: true, value }
}

function isOperation(value: unknown): value is Operation {
  if (!isJsonObject(value) || typeof value.path !== 'string' || typeof value.op !== 'string') return false
  if (!operations.includes(value.op) || !isPointer(value.path)) return false
  return value.op === 'move' || value.op === 'copy' ? isPointer(value.from) : true
}

/** Empty, or a slash before each name (RFC 6901, 3). */
function isPointer(value: unknown): boolean {
  return typeof value === 'string' && (value === '' || value.startsWith('/'))
}

/**
 * Applies a JSON merge patch (RFC 7396): null removes a field, an object is merged, any other value replaces.
 * Neither argument is changed.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  // Built from entries, not by assignment: `__proto__` is a key like any other.
  const merged = new Map(Object.entries(isJsonObject(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}
