/** The members of a JSON object, by their names. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * The members of an object as Longhorn finds them, whose encoding/json takes names in whatever case and, of several, the
 * last: those that are known come out once, as they are spelt here.
 */
export function fieldsOf(value: object, known: readonly string[]): Fields {
  const spelt = new Map(known.map((name) => [folded(name), name]))
  return new Map(Object.entries(value).map(([name, member]) => [spelt.get(folded(name)) ?? name, member]))
}

/** True for a JSON object. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** To Go, the long s is an s, and the Kelvin sign a k. */
function folded(name: string): string {
  return name.toUpperCase().replaceAll('\u212a', 'K')
}
