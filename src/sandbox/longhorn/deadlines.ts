import type { Clock } from '../../time/clock.ts'

/**
 * How far something that takes time has come: 0 at the first time it is asked for, 1 once `ms` have passed.
 *
 * @param key what it is, e.g. the disk a copy goes to
 */
export type Progress = (key: string, ms: number) => number

/**
 * Remembers since when a controller has seen things under way. What is not asked for in a round has ended or was
 * given up, and begins anew when it comes back.
 */
export class Deadlines {
  readonly #clock: Clock
  #since = new Map<string, number>()
  #nextMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds from the last round until the next thing is complete; undefined when nothing is under way. */
  get nextMs(): number | undefined {
    return this.#nextMs
  }

  /** Looks once at everything that may be under way. */
  round<T>(work: (progress: Progress) => T): T {
    const now = this.#clock.now()
    const seen = new Map<string, number>()
    let nextMs: number | undefined
    const result = work((key, ms) => {
      const since = this.#since.get(key) ?? now
      seen.set(key, since)
      const leftMs = since + ms - now
      if (leftMs <= 0) return 1
      nextMs = Math.min(nextMs ?? leftMs, leftMs)
      return (now - since) / ms
    })
    this.#since = seen
    this.#nextMs = nextMs
    return result
  }
}
