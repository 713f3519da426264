import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { Throttle } from './log.ts'

/**
 * A shorter hold is not reported, in milliseconds. Two changes that meet on one Lease wait for some milliseconds all day
 * long, and no person notices that. A second into a hold it is reported.
 */
const worthTellingMs = 250

/** A hold that has to be quiet, since one like it was reported lately, tries again after so long, in milliseconds. */
const tryAgainMs = 1_000

/** The modules of the news. */
interface HoldNewsModules {
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>
  /** A client that was asked to retry comes back within so many milliseconds, or never. */
  readonly comesBackMs: number
  /** Called with the error of a listener that fails. */
  readonly onProblem: (error: unknown) => void
}

/** A reported hold whose client has to retry. */
interface Retrying {
  /** See {@link keyOf}. */
  readonly key: string
  readonly since: number
  /** Ends its timer. */
  readonly cancel: () => void
}

/**
 * Passes on which holds begin and end, to those that write: each hold once, however often its client retries, and of many
 * alike one in ten seconds.
 */
export class HoldNews implements HoldListener {
  readonly #listeners: readonly HoldListener[]
  readonly #modules: HoldNewsModules
  readonly #throttle = new Throttle()
  /** The holds that are not reported yet: each ends its timer. */
  readonly #young = new Map<number, () => void>()
  readonly #announced = new Set<number>()
  /** The reported holds whose clients have to retry. Several can be alike: a user may run one command twice. */
  readonly #retrying = new Set<Retrying>()
  #isStopped = false

  constructor(listeners: readonly HoldListener[], modules: HoldNewsModules) {
    this.#listeners = listeners
    this.#modules = modules
  }

  /** True from the report of its beginning to that of its end. */
  isAnnounced(id: number): boolean {
    return this.#announced.has(id)
  }

  began(held: HeldChange): void {
    const before = held.isRetry && this.#beforeRetry(held)
    if (before) {
      before.cancel()
      this.#retrying.delete(before)
      this.#announced.add(held.id)
    } else this.#announceLater(held, worthTellingMs)
  }

  ended(held: HeldChange, how: HoldEnd): void {
    this.#young.get(held.id)?.()
    this.#young.delete(held.id)
    if (!this.#announced.delete(held.id)) return
    // Its client comes back, and goes on waiting then. That it has to is on record as any denial.
    if (how === 'told to retry') this.#awaitReturn(held)
    else this.#notify((listener) => listener.ended(held, how))
  }

  /** Reports nothing from now on. */
  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#young.values()) cancel()
    for (const { cancel } of this.#retrying) cancel()
    this.#young.clear()
    this.#retrying.clear()
  }

  #announceLater(held: HeldChange, inMs: number): void {
    if (this.#isStopped) return
    const { id } = held
    const { clock } = this.#modules
    const cancel = clock.setTimer(inMs, () => {
      this.#young.delete(id)
      if (!this.#throttle.see(keyOf(held), clock.monotonic()).passes) {
        this.#announceLater(held, tryAgainMs)
        return
      }
      this.#announced.add(id)
      this.#notify((listener) => listener.began(held))
    })
    this.#young.set(id, cancel)
  }

  #awaitReturn(held: HeldChange): void {
    if (this.#isStopped) return
    const { clock, comesBackMs } = this.#modules
    const cancel = clock.setTimer(comesBackMs, () => {
      this.#retrying.delete(retrying)
      this.#notify((listener) => listener.ended(held, 'gone'))
    })
    const retrying = { key: keyOf(held), since: held.since, cancel }
    this.#retrying.add(retrying)
  }

  /** The hold that a retry goes on with: of several alike the one that began when the retry did, else the oldest. */
  #beforeRetry(held: HeldChange): Retrying | undefined {
    const key = keyOf(held)
    const alike = [...this.#retrying].filter((each) => each.key === key)
    return alike.find(({ since }) => since === held.since) ?? alike[0]
  }

  /** The error of one listener stops neither the others nor the timer that calls. */
  #notify(call: (listener: HoldListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener)
      } catch (error) {
        this.#modules.onProblem(error)
      }
    }
  }
}

function keyOf({ object: { kind, name }, request: { user }, doing }: HeldChange): string {
  return JSON.stringify([kind, name, user, doing])
}
