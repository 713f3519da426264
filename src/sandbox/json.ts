/** A JSON object whose fields are not known. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The value as an object; anything else is an empty one, as a missing field is to Go. */
export function object(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

/** The value as a map with free keys (`__proto__` is a key like any other); absent and null are empty. */
export function entries(value: unknown): ReadonlyMap<string, JsonObject> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, object(entry)]))
}

/** The value as a map of texts. */
export function textEntries(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(object(value)).map(([key, entry]) => [key, text(entry)]))
}

/** The value as a list. */
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

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
