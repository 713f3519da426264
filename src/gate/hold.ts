import { type Clock, onAbort } from '../time/clock.ts'
import type { Attempt } from './attempt.ts'
import { type ChangeBus, type Changed, isAwaited } from './change-bus.ts'
import type { WaitBudget } from './ports.ts'
import type { Objection } from './verdict.ts'

/** Options of holds. */
export interface HoldLimits {
  /** The longest hold, in milliseconds, even if the caller would wait longer. */
  readonly maxHoldMs: number
  /**
   * The maximum of held changes. At the limit, a new one replaces one of the caller with the most, if that
   * has at least two more than the new caller. Otherwise it is answered at once.
   */
  readonly maxHolds: number
}

/** The caller of a hold. */
interface Holder {
  /** The name of the account; accounts share the places. */
  readonly caller: string
  /** Asked before the change takes a place. False for a change that must not take one. */
  readonly mayWait: () => Promise<boolean>
  /** Called with the causes once it takes a place, and whenever they change. @param until when it is answered at the latest */
  readonly waits?: (objections: readonly Objection[], until: number) => void
}

/** One held change. */
interface Hold {
  readonly caller: string
  /** Ends its wait; absent during an attempt. */
  end?: () => void
  /** True once another has taken its place. */
  isOver: boolean
}

/** Holds changes until their obstacle is gone, or the caller can wait no longer. */
export class Holds {
  readonly #limits: HoldLimits
  readonly #changes: ChangeBus
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** Those of each caller, the first one first. */
  readonly #holds = new Map<string, Set<Hold>>()
  #active = 0
  #stopped = false

  constructor(limits: HoldLimits, changes: ChangeBus, clock: Clock) {
    this.#limits = limits
    this.#changes = changes
    this.#clock = clock
  }

  /** The number of requests that it holds now. */
  get active(): number {
    return this.#active
  }

  /**
   * Attempts at once, and again whenever the result may differ, as long as the verdict is a hold. The budget
   * begins with the call.
   */
  async retryUntil(
    attempt: () => Promise<Attempt>,
    { budgetMs, signal }: WaitBudget,
    { caller, mayWait, waits }: Holder,
  ): Promise<Attempt> {
    const end = this.#clock.monotonic() + Math.min(budgetMs, this.#limits.maxHoldMs)
    const isOver = (): boolean => this.#isOver(end, signal)
    const changed = new Set<Changed>()
    // From before the attempt on, since the awaited change may happen during it.
    const unsubscribe = this.#changes.subscribe((each) => changed.add(each))
    let heldMs = 0
    let hold: Hold | undefined
    try {
      for (;;) {
        changed.clear()
        const tried = await attempt()
        if (tried.verdict.decision !== 'hold') return { ...tried, heldMs }
        // The attempt may take a while.
        if (!hold && !isOver() && (await mayWait()) && !isOver()) hold = this.#take(caller)
        if (!hold || hold.isOver) return { ...tried, heldMs }
        waits?.(tried.verdict.objections, end)
        const began = this.#clock.monotonic()
        const isWorthIt = await this.#wait(tried, changed, { end, hold }, signal)
        heldMs += this.#clock.monotonic() - began
        if (!isWorthIt) return { ...tried, heldMs }
      }
    } finally {
      unsubscribe()
      if (hold) this.#leave(hold)
    }
  }

  /** Ends every hold, now and from now on: each is answered with its obstacle. */
  stop(): void {
    this.#stopped = true
    for (const end of [...this.#waiting]) end()
  }

  #isOver(end: number, signal: AbortSignal): boolean {
    return this.#clock.monotonic() >= end || this.#stopped || signal.aborted
  }

  /** @returns undefined if there is no place for this caller */
  #take(caller: string): Hold | undefined {
    if (this.#active >= this.#limits.maxHolds && !this.#makeRoomFor(caller)) return undefined
    const hold: Hold = { caller, isOver: false }
    const others = this.#holds.get(caller)
    if (others) others.add(hold)
    else this.#holds.set(caller, new Set([hold]))
    this.#active += 1
    return hold
  }

  #leave(hold: Hold): void {
    const holds = this.#holds.get(hold.caller)
    if (!holds?.delete(hold)) return
    this.#active -= 1
    if (holds.size === 0) this.#holds.delete(hold.caller)
  }

  /** Answers the latest of the caller with the most, whose others have waited longer. */
  #makeRoomFor(caller: string): boolean {
    const own = this.#holds.get(caller)?.size ?? 0
    let most: readonly Hold[] = []
    for (const holds of this.#holds.values()) if (holds.size > most.length) most = [...holds]
    const latest = most.at(-1)
    if (!latest || most.length < own + 2) return false
    latest.isOver = true
    this.#leave(latest)
    latest.end?.()
    return true
  }

  /** @returns whether another attempt is worth the while */
  #wait(
    { wakeOn, wakeAt }: Attempt,
    changed: ReadonlySet<Changed>,
    { end, hold }: { readonly end: number; readonly hold: Hold },
    signal: AbortSignal,
  ): Promise<boolean> {
    const now = this.#clock.monotonic()
    const over = this.#isOver(end, signal)
    if (over || [...changed].some((each) => isAwaited(each, wakeOn))) return Promise.resolve(!over)
    return new Promise((resolve) => {
      const done = (isWorthIt: boolean): void => {
        unsubscribe()
        cancelEnd()
        cancelWake?.()
        forget()
        this.#waiting.delete(giveUp)
        delete hold.end
        resolve(isWorthIt)
      }
      const giveUp = (): void => done(false)
      const unsubscribe = this.#changes.subscribe((each) => isAwaited(each, wakeOn) && done(true))
      const cancelEnd = this.#clock.setTimer(end - now, giveUp)
      const cancelWake =
        wakeAt === undefined ? undefined : this.#clock.setTimer(Math.max(0, wakeAt - now), () => done(true))
      const forget = onAbort(signal, giveUp)
      this.#waiting.add(giveUp)
      hold.end = giveUp
    })
  }
}
