/** A JSON object whose fields are not known. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True for a JSON object; a list is none. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
