import { leadingUid } from './admission-review.ts'

/** How many texts are remembered: as many denials as the gate gives again. */
const most = 32

/** A review of Longhorn's has some thousand. In UTF-16 units, so that all take at most 2 MiB. */
const longest = 32 * 1024

interface Known<T> {
  /** The text after the uid. */
  readonly rest: string
  readonly value: T
}

/**
 * Remembers what was read from the texts of a few reviews. Each repetition of a write within a second has the same text but
 * for the uid of the review; later ones have another time in managedFields. Reading a review takes as long as all else.
 */
export class KnownTexts<T> {
  /** How many are remembered: while it is 0, no text has to be looked for. */
  size = 0
  /** By the length of the rest. */
  readonly #known = new Map<number, Known<T>[]>()

  /** What was read from this text with another uid, and its own uid; undefined if it is not known. */
  find(text: string): { readonly uid: string; readonly value: T } | undefined {
    const uid = leadingUid(text)
    if (uid === undefined) return undefined
    const rest = restOf(text, uid)
    const known = this.#known.get(rest.length)?.find((each) => each.rest === rest)
    return known && { uid, value: known.value }
  }

  /**
   * Remembers a text that is not known.
   *
   * @param uid that was read. If it is another one than the leading, or is in the rest too, what was read may come from there:
   *   such a text, which no API server writes, is not remembered
   */
  keep(text: string, uid: string, value: T): void {
    if (text.length > longest || leadingUid(text) !== uid) return
    const rest = restOf(text, uid)
    if (rest.includes(uid)) return
    if (this.size >= most) this.#forgetAll()
    const alike = this.#known.get(rest.length) ?? []
    this.#known.set(rest.length, [...alike, { rest, value }])
    this.size += 1
  }

  /** Those that still come are back after their next repetition. */
  #forgetAll(): void {
    this.#known.clear()
    this.size = 0
  }
}

const opening = '"uid":"'

/** @param uid its {@link leadingUid}, which can be a word of the beginning too */
function restOf(text: string, uid: string): string {
  return text.slice(text.indexOf(opening) + opening.length + uid.length)
}
