import type { Clock } from '../../src/time/clock.ts'

interface Timer {
  readonly due: number
  readonly owner: number
  readonly fire: () => void
}

/** When the model begins. */
export const beginning = Date.parse('2026-11-23T12:00:00Z')

/** No replica has this number. */
const nobody = 0

/** Model time, in milliseconds: it stops until a step lets it jump to the next timer. */
export class ModelTime {
  now = beginning
  readonly #timers = new Set<Timer>()
  readonly #wrongBy = new Map<number, number>()

  /** A clock of which all timers end with their owner. Each shows another time of day, and what it counts begins anew. */
  clockOf(owner: number): Clock {
    const start = this.now
    return {
      now: () => this.now + this.wrongBy(owner),
      monotonic: () => this.now - start,
      setTimer: (ms, fire) => {
        const timer = { due: this.now + ms, owner, fire }
        this.#timers.add(timer)
        return () => void this.#timers.delete(timer)
      },
    }
  }

  /** By how much an owner's time of day is wrong, in milliseconds. */
  wrongBy(owner: number): number {
    return this.#wrongBy.get(owner) ?? 0
  }

  /** Sets the time of day of an owner; its monotonic clock goes on as before. */
  setWrong(owner: number, ms: number): void {
    this.#wrongBy.set(owner, ms)
  }

  /** Makes time stop at this moment on its way, since something ends then of itself. */
  mark(ms: number): void {
    const due = this.now + ms
    const known = [...this.#timers].some((timer) => timer.owner === nobody && timer.due === due)
    if (!known) this.#timers.add({ due, owner: nobody, fire: () => undefined })
  }

  /** The timers that are set, as milliseconds from now, in order. */
  pending(): number[] {
    return [...this.#timers].map(({ due }) => due - this.now).toSorted((a, b) => a - b)
  }

  /** The timers that are set and whose they are, for telling states apart. */
  shown(): string {
    return [...this.#timers]
      .map(({ due, owner }) => `${due - this.now}:${owner}`)
      .toSorted()
      .join()
  }

  /** Jumps to the next timer and fires all that are due then. */
  jump(): void {
    const [next] = this.pending()
    if (next === undefined) return
    this.now += next
    for (const timer of [...this.#timers]) {
      if (timer.due > this.now || !this.#timers.delete(timer)) continue
      timer.fire()
    }
  }

  /** Ends the timers of an owner that is no more. */
  forget(owner: number): void {
    for (const timer of [...this.#timers]) if (timer.owner === owner) this.#timers.delete(timer)
  }
}
