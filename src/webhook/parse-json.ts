import { NoJson, TooManyValues } from './http-problem.ts'

/**
 * So many values are read. An object has 1.5 MiB at most, and a value with its name takes ten bytes: two such objects have
 * fewer. A text of 8 MiB can have five million, and to read and judge a million takes two seconds, in which nothing else is
 * answered.
 */
const mostValues = 350_000

/**
 * Reads JSON as it is: fastify's own parser refuses a key `__proto__`, which is a key like any other in maps with free keys.
 *
 * @returns what is wrong with it if it cannot be read, or not soon
 */
export function parseJson(text: string): { readonly json: unknown } | NoJson | TooManyValues {
  if (text.length > mostValues && hasMoreThan(mostValues, text)) return new TooManyValues(mostValues)
  try {
    return { json: JSON.parse(text) as unknown }
  } catch (error) {
    return new NoJson(error)
  }
}

const [comma, colon, bracket, brace] = [',', ':', '[', '{'].map((character) => character.charCodeAt(0))

/** Counts what stands before a value. In strings too, which is at most too careful. */
function hasMoreThan(most: number, text: string): boolean {
  let count = 0
  for (let at = 0; at < text.length && count <= most; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || code === colon || code === bracket || code === brace) count += 1
  }
  return count > most
}
