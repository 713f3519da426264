import type { Clock } from '../../time/clock.ts'

/** Pauses within a sync, which all end at once when the sync is to come to its end. */
export class Pauses {
  readonly #clock: Clock
  readonly #ends = new Set<() => void>()
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param ms 0: no pause at all */
  async wait(ms: number): Promise<void> {
    if (ms === 0 || this.#ended) return
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel()
        this.#ends.delete(end)
        resolve()
      }
      const cancel = this.#clock.setTimer(ms, end)
      this.#ends.add(end)
    })
  }

  /** Ends those that run, and lets none begin. */
  end(): void {
    this.#ended = true
    for (const end of this.#ends) end()
  }

  /** There may be pauses again. */
  begin(): void {
    this.#ended = false
  }
}
