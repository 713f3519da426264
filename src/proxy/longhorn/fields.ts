import { membersOf } from '../../json/json-text.ts'

/** The members of a JSON object, by their names. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * The texts of the members of an object as Longhorn finds them, whose encoding/json takes names in whatever case and, of
 * several, the last: those that are known come out once, as they are spelt here.
 *
 * @param text valid JSON
 * @returns undefined if it is no object
 */
export function textsOf(text: string, known: readonly string[]): Map<string, string> | undefined {
  const spelt = new Map(known.map((name) => [folded(name), name]))
  const members = membersOf(text)
  return members && new Map(members.map(({ name, value }) => [spelt.get(folded(name)) ?? name, value]))
}

/** An object with these members, each value as it is written. */
export function objectText(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** To Go, the long s is an s, and the Kelvin sign a k. */
function folded(name: string): string {
  return name.toUpperCase().replaceAll('\u212a', 'K')
}
