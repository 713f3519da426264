import type { JsonObject } from '../json.ts'

/** A value that cannot be: what Longhorn's webhook answers to most of what it denies. */
export function invalid(message: string): JsonObject {
  const causes = [{ reason: 'FieldValueInvalid', message, field: '' }]
  return { code: 422, reason: 'Invalid', message, details: { causes } }
}

/** A write that cannot be now. */
export function forbidden(message: string): JsonObject {
  return { code: 403, reason: 'Forbidden', message }
}
