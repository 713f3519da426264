import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { Repeats } from '../time/repeats.ts'

/**
 * Listeners do not hear of a hold that ends sooner, in milliseconds. Two changes with a common Lease often wait for some
 * milliseconds, which no user notices. The announcement comes well within the first second of a hold.
 */
const worthTellingMs = 250

/**
 * Announces to listeners which holds begin and end: each hold once, however often its client retries, and of many
 * alike one in ten seconds.
 */
export class HoldNews implements HoldListener {
  readonly #listeners: readonly HoldListener[]
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly #onProblem: (error: unknown) => void
  readonly #repeats = new Repeats()
  /** Holds that are not announced yet: each function cancels its timer. */
  readonly #young = new Map<number, () => void>()
  readonly #told = new Set<number>()

  /** @param onProblem called if a listener fails */
  constructor(
    listeners: readonly HoldListener[],
    clock: Pick<Clock, 'monotonic' | 'setTimer'>,
    onProblem: (error: unknown) => void,
  ) {
    this.#listeners = listeners
    this.#clock = clock
    this.#onProblem = onProblem
  }

  /** True while listeners know the beginning of the hold and not its end. */
  hasTold(id: number): boolean {
    return this.#told.has(id)
  }

  began(held: HeldChange): void {
    const { id } = held
    if (held.isRetry) {
      this.#told.add(id)
      return
    }
    const cancel = this.#clock.setTimer(worthTellingMs, () => {
      this.#young.delete(id)
      if (!this.#repeats.see(keyOf(held), this.#clock.monotonic()).told) return
      this.#told.add(id)
      this.#tell((listener) => listener.began(held))
    })
    this.#young.set(id, cancel)
  }

  ended(held: HeldChange, how: HoldEnd): void {
    this.#young.get(held.id)?.()
    this.#young.delete(held.id)
    // A client that got a 429 retries, and the wait goes on. The 429 itself is on record like any denial.
    if (!this.#told.delete(held.id) || how === 'told to retry') return
    this.#tell((listener) => listener.ended(held, how))
  }

  /** A failing listener must stop neither the others nor the timer that calls. */
  #tell(tell: (listener: HoldListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        tell(listener)
      } catch (error) {
        this.#onProblem(error)
      }
    }
  }
}

function keyOf({ object: { kind, name }, request: { user }, doing }: HeldChange): string {
  return JSON.stringify([kind, name, user, doing])
}
