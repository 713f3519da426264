import { isDeepStrictEqual } from 'node:util'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { type Static, type TSchema, Type } from 'typebox'
import { shortened } from '../text/plain-text.ts'

// verbose keeps the offending value, and the message shows it. The other options save half of the time that compiling takes,
// which is a third of what a command costs: the schemas are typebox's, so they are valid, and V8 optimizes the code anyway.
const ajv = new Ajv({
  verbose: true,
  allowUnionTypes: true,
  meta: false,
  validateSchema: false,
  code: { optimize: false },
})

/**
 * Makes the parser of one kind. It validates an untrusted object against the schema, then projects it to the
 * fields that Holdfast uses. The schema is compiled at the first call, since most commands need few kinds.
 *
 * @param schema tolerates fields that it does not name
 * @param project gets valid objects only
 */
export function parser<S extends TSchema, T>(
  schema: S,
  project: (raw: Static<S>) => T,
): (raw: unknown) => Parsed<T> {
  let validate: ValidateFunction<Static<S>> | undefined
  return (raw) => {
    // ajv takes each id once, and a schema that contains this one has brought its id already.
    validate ??= ajv.compile<Static<S>>({ ...schema, $id: undefined })
    if (validate(raw)) return { ok: true, value: project(raw) }
    return { ok: false, problem: describe(validate.errors?.[0]) }
  }
}

/**
 * One sentence about the first error, e.g. `spec.evictionRequested must be boolean, but is "true"`. A field
 * that may be null yields one error for each branch of the union and one for the union; the first one names
 * the wanted type. ajv always returns one with a message, though its types leave both open.
 */
function describe(error: ErrorObject | undefined): string {
  const { instancePath = '', message = 'is not valid', keyword, data }: Partial<ErrorObject> = { ...error }
  const field = shortened(instancePath, longestField)
    .slice(1)
    .replaceAll('/', '.')
    .replaceAll('~1', '/')
    .replaceAll('~0', '~')
  const but = keyword === 'required' ? '' : `, but is ${show(data)}`
  return `${field === '' ? 'the object' : field} ${message}${but}`
}

/** Keys of maps are free strings of any length; the limit is in UTF-16 units. */
const longestField = 256

/** Values can be as large as a request, so messages show the beginning. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${shortened(text, 60)}…` : text
}

/**
 * Reads a map that may be missing or null, with entries that may be null. A missing map is empty, and a null
 * entry has zero values. The result is a Map, since map keys are free strings: keys like `__proto__` are keys
 * like any other.
 */
export function readMap<Raw, T>(
  map: Readonly<Record<string, Raw | null>> | null | undefined,
  zero: NoInfer<Raw>,
  read: (entry: Raw) => T,
): ReadonlyMap<string, T> {
  const entries = new Map<string, T>()
  if (map) for (const key of Object.keys(map)) entries.set(key, read(map[key] ?? zero))
  return entries
}

/**
 * The result of parsing: the value, or a sentence that says which field is wrong and how. Parsers never
 * throw.
 */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/**
 * A field that may be missing or null. The API server prunes empty fields, Go writes empty maps as null, and
 * a server-side apply drops fields. All three mean the same to Longhorn.
 */
export function optional<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

/**
 * A map whose keys are any strings (kubernetes.md, The answer). A Record of typebox has a pattern for them. Its `^.*$` misses
 * keys with a line break, and ajv would accept their entries unchecked. Matching each key also takes a quarter of the time
 * that reading a node takes.
 */
export function mapOf<T extends TSchema>(schema: T) {
  return Type.Unsafe<Readonly<Record<string, Static<T>>>>(Type.Object({}, { additionalProperties: schema }))
}

/** A map that may be missing or null, with entries that may be null themselves. */
export function optionalMap<T extends TSchema>(schema: T) {
  return optional(mapOf(Type.Union([schema, Type.Null()])))
}

/** A JSON object with unknown fields. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object; false for a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of a JSON object by name; a Map, so that `__proto__` is a name like any other. */
type Fields = ReadonlyMap<string, unknown>

/**
 * The fields of a JSON object. As in Go, absent and null are an object without fields.
 *
 * @returns undefined for anything else: a list, a text, a number
 */
export function fieldsOf(json: unknown): Fields | undefined {
  if (!isFields(json)) return undefined
  return new Map(Object.entries(json ?? {}))
}

/**
 * One field of a JSON object, read without its others. It is undefined if the object lacks it, or the value
 * is no object.
 */
export function fieldOf(json: unknown, name: string): unknown {
  if (!isFields(json) || json === undefined || json === null || !Object.hasOwn(json, name)) return undefined
  const value: unknown = Reflect.get(json, name)
  return value
}

/** True for a JSON object. Absent and null count as an object without fields. */
export function isFields(json: unknown): json is object | null | undefined {
  return json === undefined || json === null || (typeof json === 'object' && !Array.isArray(json))
}

/** True if two JSON values are equal. The order of keys does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  try {
    return isDeepStrictEqual(a, b)
  } catch (error) {
    // Comparing recurses. Values nested deeper than the stack count as different.
    if (error instanceof RangeError) return false
    throw error
  }
}

const [comma, colon, bracket, brace] = [',', ':', '[', '{'].map((character) => character.charCodeAt(0))

/**
 * True for JSON with more values than this, found without parsing it. It counts the characters before a
 * value, in strings too, which errs on the safe side. Parsing costs some hundred nanoseconds a value, and
 * counting one for each character.
 */
export function hasMoreValues(most: number, text: string): boolean {
  if (text.length <= most) return false
  let count = 0
  for (let at = 0; at < text.length && count <= most; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || code === colon || code === bracket || code === brace) count += 1
  }
  return count > most
}
