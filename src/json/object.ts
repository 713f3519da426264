import { isDeepStrictEqual } from 'node:util'

/** A JSON object whose fields are not known. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object; a list is none. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of a JSON object by name; a Map, so that `__proto__` is a name like any other. */
type Fields = ReadonlyMap<string, unknown>

/**
 * The fields of a JSON object; absent and null are an object without fields, as in Go.
 *
 * @returns undefined for anything else: a list, a text, a number
 */
export function fieldsOf(json: unknown): Fields | undefined {
  if (!isFields(json)) return undefined
  return new Map(Object.entries(json ?? {}))
}

/** One field of a JSON object, without a look at its others; undefined if it has none of this name, or is no object. */
export function fieldOf(json: unknown, name: string): unknown {
  if (!isFields(json) || json === undefined || json === null || !Object.hasOwn(json, name)) return undefined
  const value: unknown = Reflect.get(json, name)
  return value
}

/** True for a JSON object; absent and null are one without fields. */
export function isFields(json: unknown): json is object | null | undefined {
  return json === undefined || json === null || (typeof json === 'object' && !Array.isArray(json))
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
