import type { Clock } from '../../src/kubernetes/clock.ts'

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now = 1_800_000_000_000
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>()

  /** Timers that were set and neither fired nor were cancelled. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  setTimer(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Moves on, firing in order what becomes due. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.fire()
    }
    this.#now = until
  }
}
