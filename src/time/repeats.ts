import { createHash } from 'node:crypto'

/** How often something came again since it was last told; `told` is false while it is only counted. */
type Repeat = { readonly told: true; readonly repeated: number } | { readonly told: false }

/**
 * Tells the first of many alike and then at most one in each interval, with the number of those that were only
 * counted. A controller of Longhorn that is refused comes back up to 50 times a second (longhorn.md §3).
 */
export class Repeats {
  readonly #intervalMs: number
  readonly #most: number
  readonly #seen = new Map<string, { toldAt: number; repeated: number }>()

  /**
   * @param intervalMs how long one telling is enough
   * @param most how many different keys are remembered; the longest unseen is forgotten first, and then told again
   */
  constructor(intervalMs = 10_000, most = 1_000) {
    this.#intervalMs = intervalMs
    this.#most = most
  }

  /** @param now milliseconds since the epoch */
  see(what: string, now: number): Repeat {
    // Names of users have no limit.
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

/** So many different things are remembered; then all are forgotten, and each is said once again. */
const remembered = 1_000

/**
 * Remembers what was logged: Longhorn's controllers come back with a refused write up to 50 times a second
 * (longhorn.md §3), and the log must not flood.
 */
export class SaidOnce {
  readonly #said = new Set<string>()

  /** True the first time these parts come together. */
  isNew(...parts: readonly string[]): boolean {
    // Names and problems have no limit.
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64')
    if (this.#said.has(key)) return false
    if (this.#said.size >= remembered) this.#said.clear()
    this.#said.add(key)
    return true
  }
}
