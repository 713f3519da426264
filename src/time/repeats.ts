import { createHash } from 'node:crypto'

/** The number of repeats since the last report; `told` is false if this one is counted only. */
type Repeat = { readonly told: true; readonly repeated: number } | { readonly told: false }

/**
 * Reports the first of many equal events, then at most one per interval, with the number of those it only
 * counted. A controller of Longhorn retries a denied write up to 50 times a second (longhorn.md §3).
 */
export class Repeats {
  readonly #intervalMs: number
  readonly #most: number
  readonly #seen = new Map<string, { toldAt: number; repeated: number }>()

  /**
   * @param intervalMs the minimum time between two reports of one key
   * @param most the number of keys to remember; a key that is evicted, longest unseen first, is reported
   *   again
   */
  constructor(intervalMs = 10_000, most = 1_000) {
    this.#intervalMs = intervalMs
    this.#most = most
  }

  /** @param now milliseconds since the epoch */
  see(what: string, now: number): Repeat {
    // User names have no length limit.
    const key = createHash('sha256').update(what).digest('base64')
    const entry = this.#seen.get(key)
    this.#seen.delete(key)
    if (entry && now - entry.toldAt < this.#intervalMs) {
      this.#seen.set(key, { toldAt: entry.toldAt, repeated: entry.repeated + 1 })
      return { told: false }
    }
    this.#seen.set(key, { toldAt: now, repeated: 0 })
    if (this.#seen.size > this.#most) this.#forgetOldest()
    return { told: true, repeated: entry?.repeated ?? 0 }
  }

  #forgetOldest(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key)
      return
    }
  }
}

/** Limit of remembered keys. At the limit the memory is cleared, and each key is logged once more. */
const remembered = 1_000

/**
 * Remembers which lines were logged. Longhorn's controllers retry a denied write up to 50 times a second
 * (longhorn.md §3), and must not flood the log.
 */
export class SaidOnce {
  readonly #said = new Set<string>()

  /** True the first time it sees this combination of parts. */
  isNew(...parts: readonly string[]): boolean {
    // Names and problems have no length limit.
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64')
    if (this.#said.has(key)) return false
    if (this.#said.size >= remembered) this.#said.clear()
    this.#said.add(key)
    return true
  }
}
