import type { Kind } from '../../longhorn/kinds.ts'

/** The longest lag of a manager's caches in milliseconds, of all kinds alike or for some kinds only. */
export type InformerLag = number | Readonly<Partial<Record<Kind, number>>>

/** The longest lag of one kind's cache, in milliseconds. */
export function longestLagOf(lag: InformerLag, kind: Kind): number {
  return typeof lag === 'number' ? lag : (lag[kind] ?? 0)
}

/** How far a cache is behind: something between nothing and a maximum, and something else every so often. */
export class ChangingLag {
  readonly #maxMs: number
  readonly #random: () => number
  #lagMs = 0
  #untilMs = -Infinity

  /** @param random from 0 to 1 */
  constructor(maxMs: number, random: () => number) {
    this.#maxMs = maxMs
    this.#random = random
  }

  /** @param now milliseconds since 1970 @returns milliseconds */
  at(now: number): number {
    if (this.#maxMs === 0) return 0
    if (now >= this.#untilMs) {
      this.#lagMs = this.#random() * this.#maxMs
      this.#untilMs = now + this.#random() * this.#maxMs
    }
    return this.#lagMs
  }
}
