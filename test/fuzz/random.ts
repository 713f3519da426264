/** Choices that look random and are the same for a seed: whatever a fuzzer finds can be had again. */
export class Random {
  #state: number

  /** @param stream which of the many sequences of a seed */
  constructor(seed: number, stream = 0) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35)) >>> 0
  }

  /** From 0 to 1, the latter never (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to just below the limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True so often: in this share of all cases. */
  chance(share: number): boolean {
    return this.next() < share
  }

  /** @throws Error if there is nothing to choose from */
  oneOf<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error('there is nothing to choose from')
    return choices[this.below(choices.length)] as T
  }

  /** Some of them, each in this share of all cases, in their order. */
  someOf<T>(choices: readonly T[], share = 0.5): T[] {
    return choices.filter(() => this.chance(share))
  }
}
