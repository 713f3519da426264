import { type TSchema, Type } from 'typebox'

/** Any text. */
export const Text = Type.String()
/** A number of things. */
export const Count = Type.Integer({ minimum: 0 })
/** The version of every document. */
export const apiVersion = Type.Literal('holdfast.dev/v1')

/** A text. */
export function text(description: string) {
  return Type.String({ description })
}

/** A time of day, as a text. */
export function time(description: string) {
  return Type.String({ format: 'date-time', description })
}

/** A value that may be unknown or absent. */
export function orNull<T extends TSchema>(schema: T, description: string) {
  return Type.Union([schema, Type.Null()], { description })
}

/** One of these words. */
export function oneOf<const T extends readonly string[]>(words: T, description: string) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...words], description })
}
