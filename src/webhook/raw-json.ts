import { isDeepStrictEqual } from 'node:util'

/** The fields of a JSON object by name; a Map, so that `__proto__` is a name like any other. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * The fields of a JSON object; absent and null are an object without fields, as in Go.
 *
 * @returns undefined for anything else: a list, a text, a number
 */
export function fieldsOf(json: unknown): Fields | undefined {
  if (json === undefined || json === null) return new Map()
  if (typeof json !== 'object' || Array.isArray(json)) return undefined
  return new Map(Object.entries(json))
}

/** True if two JSON values are the same, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  try {
    return isDeepStrictEqual(a, b)
  } catch (error) {
    // Comparing recurses; a value nested deeper than the stack is not told to be the same.
    if (error instanceof RangeError) return false
    throw error
  }
}
