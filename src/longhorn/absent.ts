import { Type, type TSchema } from 'typebox'

/**
 * A field that may be missing or null. The API server prunes empty fields, Go writes empty maps as null, and a
 * server-side apply simply lets go of a field: all three mean the same to Longhorn.
 */
export function absent<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

/**
 * Keys of maps are free strings (kubernetes.md, The answer). The pattern that typebox gives to a plain string key,
 * `^.*$`, misses those with a line break, and their entries would be taken unchecked.
 */
const anyKey = Type.String({ pattern: '^[^]*$' })

/** A map with keys of any kind. */
export function mapOf<T extends TSchema>(schema: T) {
  return Type.Record(anyKey, schema)
}

/** A map that may be missing or null, with entries that may be null themselves. */
export function absentMap<T extends TSchema>(schema: T) {
  return absent(mapOf(Type.Union([schema, Type.Null()])))
}
