import { closest, distance } from 'fastest-levenshtein'

/** The known word that was probably meant; undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const candidate = closest(word, known)
  return distance(word, candidate) <= Math.max(2, Math.floor(word.length / 3)) ? candidate : undefined
}

/** The known words, those that are most like this one first; of two that are as near, the earlier. */
export function nearestFirst(word: string, known: readonly string[]): string[] {
  return known
    .map((each) => ({ each, away: distance(word, each) }))
    .toSorted((a, b) => a.away - b.away)
    .map(({ each }) => each)
}

/** So many UTF-16 units are kept of a text that names something: Kubernetes allows 253 in a name. */
export const longestText = 1_024

/**
 * The beginning of a text, at most so many UTF-16 units, cut on entry: what a stranger writes is kept in records and
 * memories of what was said.
 */
export function shortened(text: string, longest: number = longestText): string {
  return text.length <= longest ? text : copyOf(text.slice(0, longest))
}

/** Cuts a text that is longer than `longest` UTF-16 units; the last one is then `…`. Never cuts a character in two. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text
  const end = longest - 1
  const splits = /[\ud800-\udbff]/.test(text.charAt(end - 1))
  return copyOf(`${text.slice(0, splits ? end - 1 : end)}…`)
}

/** V8 keeps the whole text in memory for as long as a slice of it is kept. */
function copyOf(text: string): string {
  return Array.from(text).join('')
}

/** The address of a peer as people know it: who comes by IPv4 to a socket of both families is called `::ffff:10.0.0.1`. */
export function peerAddress(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '')
}
