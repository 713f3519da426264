import type { Clock } from '../../../src/sandbox/longhorn/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly fire: () => void
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = Date.parse('2026-11-23T12:00:00Z')
  readonly #timers = new Set<Timer>()

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  setTimer(ms: number, fire: () => void): () => void {
    const timer = { dueMs: this.#now + ms, fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves on, timer by timer, letting each finish what it starts (all of it runs in microtasks). */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#now = timer.dueMs
      timer.fire()
      await settled()
    }
    this.#now = end
  }

  #next(end: number): Timer | undefined {
    const due = [...this.#timers].filter((timer) => timer.dueMs <= end)
    return due.toSorted((a, b) => a.dueMs - b.dueMs)[0]
  }
}

/** Resolves when no microtask is left. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
