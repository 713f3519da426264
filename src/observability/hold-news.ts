import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { Repeats } from '../time/repeats.ts'

/**
 * A hold that is over sooner is told to nobody, in milliseconds. Two changes that meet on one Lease wait for some
 * milliseconds all day long, and who waits that short does not notice. A second into a hold it has been told.
 */
const worthTellingMs = 250

/**
 * Passes on which holds begin and end, to those that write: each hold once, however often its client retries, and of many
 * alike one in ten seconds.
 */
export class HoldNews implements HoldListener {
  readonly #listeners: readonly HoldListener[]
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly #onProblem: (error: unknown) => void
  readonly #repeats = new Repeats()
  /** Those that are not told yet: each ends its timer. */
  readonly #young = new Map<number, () => void>()
  readonly #told = new Set<number>()

  /** @param onProblem told of a listener that fails */
  constructor(
    listeners: readonly HoldListener[],
    clock: Pick<Clock, 'monotonic' | 'setTimer'>,
    onProblem: (error: unknown) => void,
  ) {
    this.#listeners = listeners
    this.#clock = clock
    this.#onProblem = onProblem
  }

  /** True from when the listeners were told that it began until they are told that it ended. */
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
    // It comes back, and goes on waiting then. That it was told to is on record as any denial.
    if (!this.#told.delete(held.id) || how === 'told to retry') return
    this.#tell((listener) => listener.ended(held, how))
  }

  /** What one makes of it concerns neither the others nor the timer that calls. */
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
