/** The members of a JSON object, in their order. */
export type Fields = readonly (readonly [string, unknown])[]

/** What came of reading a body. */
export type Read =
  { readonly ok: true; readonly fields: Fields } | { readonly ok: false; readonly problem: string }

/** Reads a body as Longhorn does; an empty one has no fields. */
export function readFields(body: Buffer): Read {
  if (body.length === 0) return { ok: true, fields: [] }
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problem: 'it must be a JSON object' }
  }
  return { ok: true, fields: Object.entries(value) }
}

/** A member as Go's encoding/json finds it: by its name in whatever case, the last of several. */
export function field(fields: Fields, name: string): unknown {
  const wanted = name.toLowerCase()
  return fields.findLast(([key]) => key.toLowerCase() === wanted)?.[1]
}
