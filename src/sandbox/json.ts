import { isJsonObject, type JsonObject } from '../json/schema.ts'

export { isJsonObject, type JsonObject }

/** The value as an object. As in Go, any other value is an empty one. */
export function object(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** The value as a map with free keys (`__proto__` is a key like any other). Absent and null are empty. */
export function entries(value: unknown): ReadonlyMap<string, JsonObject> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, object(entry)]))
}

/** The value as a map of texts. */
export function textEntries(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, text(entry)]))
}

/** The value as a list; any other value is empty. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value as a text; any other value is empty. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The value as a list of texts. */
export function texts(value: unknown): string[] {
  return list(value).map(text)
}

/** True for `true` only; as in Go, absent is false. */
export function flag(value: unknown): boolean {
  return value === true
}

/** The value as a number; any other value is 0. */
export function amount(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

/** A scalar as a text: a number, true or false as in JSON; other values as JSON, absent as an empty text. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * The value at a path, undefined without one. Keys are free strings, so it follows only an object's own
 * (`constructor` is a key like any other).
 */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (!isJsonObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}

/** The text at a path; empty without one. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  return text(at(value, ...path))
}

/** The list at a path; empty without one. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  return list(at(value, ...path))
}

/** The object without some of its fields. */
export function without(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}
