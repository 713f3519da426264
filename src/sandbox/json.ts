import { isJsonObject, type JsonObject } from '../json/schema.ts'

export { isJsonObject, type JsonObject }

/** The value as an object; anything else is an empty one, as a missing field is to Go. */
export function object(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** The value as a map with free keys (`__proto__` is a key like any other); absent and null are empty. */
export function entries(value: unknown): ReadonlyMap<string, JsonObject> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, object(entry)]))
}

/** The value as a map of texts. */
export function textEntries(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, text(entry)]))
}

/** The value as a list; anything else is empty. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value as a text; anything else is empty. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The value as a list of texts. */
export function texts(value: unknown): string[] {
  return list(value).map(text)
}

/** True for `true` only: absent is false, as in Go. */
export function flag(value: unknown): boolean {
  return value === true
}

/** The value as a number; anything else is 0. */
export function amount(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

/** A scalar as a text: a number, true or false as JSON writes it; anything else as JSON, absent as nothing. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * What stands at a path, undefined when there is nothing. Keys are free strings, so only an object's own are
 * followed (`constructor` is a key like any other).
 */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (!isJsonObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}

/** The text at a path; empty when there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  return text(at(value, ...path))
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  return list(at(value, ...path))
}

/** The object without some of its fields. */
export function without(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}
