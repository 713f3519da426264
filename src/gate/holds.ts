import { isAwaited, type Changed, type Changes } from './changes.ts'
import type { Clock } from './ports.ts'
import type { Verdict } from './verdict.ts'
import { onAbort } from './on-abort.ts'

/** How long whoever asks can wait. */
export interface Patience {
  /** Milliseconds. */
  readonly budgetMs: number
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** False for a change that takes too much memory to be held. */
  readonly mayHold?: boolean
}

/** One attempt to admit a change, and what has to change before another is worth the while. */
export interface Attempt {
  readonly verdict: Verdict
  /** See {@link isAwaited}. */
  readonly wakeOn: ReadonlySet<Changed>
  /** When time alone may have changed the matter, by {@link Clock.monotonic}. */
  readonly wakeAt: number | undefined
  /** Takes back what was reserved for an admitted change. */
  readonly release?: () => Promise<void>
  /** True once it is too late to pass the change on. */
  readonly isLate?: () => boolean
}

/** What the operator decides about holds. */
export interface HoldLimits {
  /** The longest hold, in milliseconds, whatever the caller's patience. */
  readonly maxHoldMs: number
  /**
   * So many changes are held at once. One more takes the place of one of the caller with the most, if that has at least two
   * more than its own caller; otherwise it is answered at once.
   */
  readonly maxHolds: number
}

/** What came of all attempts. */
export interface Held {
  readonly verdict: Verdict
  /** How long was waited between attempts, in milliseconds. */
  readonly heldMs: number
  /** Takes back what was reserved for an admitted change. */
  readonly release?: (() => Promise<void>) | undefined
  /** True once it is too late to pass the change on. */
  readonly isLate?: (() => boolean) | undefined
}

/** Who asks for a hold. */
export interface Holder {
  /** The name of the account; places are shared out between accounts. */
  readonly caller: string
  /** Asked before the change takes a place. False for a change that must not take one. */
  readonly mayWait: () => Promise<boolean>
}

/** One change that is held. */
interface Hold {
  readonly caller: string
  /** Ends its wait; absent while it is attempted. */
  end?: () => void
  /** True once another has taken its place. */
  isOver: boolean
}

/** Holds changes back until what stands in their way is gone, or nobody can wait any longer. */
export class Holds {
  readonly #limits: HoldLimits
  readonly #changes: Changes
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** Those of each caller, the one that was held first comes first. */
  readonly #holds = new Map<string, Set<Hold>>()
  #active = 0
  #stopped = false

  constructor(limits: HoldLimits, changes: Changes, clock: Clock) {
    this.#limits = limits
    this.#changes = changes
    this.#clock = clock
  }

  /** How many changes are held now. */
  get active(): number {
    return this.#active
  }

  /**
   * Attempts at once, and again whenever it may end otherwise, for as long as the verdict is a hold. The budget begins
   * with the call.
   */
  async until(
    attempt: () => Promise<Attempt>,
    { budgetMs, signal }: Patience,
    { caller, mayWait }: Holder,
  ): Promise<Held> {
    const end = this.#clock.monotonic() + Math.min(budgetMs, this.#limits.maxHoldMs)
    const isOver = (): boolean => this.#isOver(end, signal)
    const heard = new Set<Changed>()
    // Heard from before the attempt on, since what it waits for may happen while it asks.
    const deafen = this.#changes.subscribe((changed) => heard.add(changed))
    let heldMs = 0
    let hold: Hold | undefined
    try {
      for (;;) {
        heard.clear()
        const tried = await attempt()
        if (tried.verdict.decision !== 'hold')
          return { verdict: tried.verdict, heldMs, release: tried.release, isLate: tried.isLate }
        // Asking may take a while.
        if (!hold && !isOver() && (await mayWait()) && !isOver()) hold = this.#take(caller)
        if (!hold || hold.isOver) return { verdict: tried.verdict, heldMs }
        const began = this.#clock.monotonic()
        const worth = await this.#wait(tried, heard, { end, hold }, signal)
        heldMs += this.#clock.monotonic() - began
        if (!worth) return { verdict: tried.verdict, heldMs }
      }
    } finally {
      deafen()
      if (hold) this.#leave(hold)
    }
  }

  /** Ends every hold, now and from now on: each is answered with what stands in its way. */
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

  /** Answers the latest of the caller with the most, whose others have waited for longer. */
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
    heard: ReadonlySet<Changed>,
    { end, hold }: { readonly end: number; readonly hold: Hold },
    signal: AbortSignal,
  ): Promise<boolean> {
    const now = this.#clock.monotonic()
    const over = this.#isOver(end, signal)
    if (over || [...heard].some((changed) => isAwaited(changed, wakeOn))) return Promise.resolve(!over)
    return new Promise((resolve) => {
      const done = (worth: boolean): void => {
        deafen()
        cancelEnd()
        cancelWake?.()
        forget()
        this.#waiting.delete(giveUp)
        delete hold.end
        resolve(worth)
      }
      const giveUp = (): void => done(false)
      const deafen = this.#changes.subscribe((changed) => isAwaited(changed, wakeOn) && done(true))
      const cancelEnd = this.#clock.setTimer(end - now, giveUp)
      const cancelWake =
        wakeAt === undefined ? undefined : this.#clock.setTimer(Math.max(0, wakeAt - now), () => done(true))
      const forget = onAbort(signal, giveUp)
      this.#waiting.add(giveUp)
      hold.end = giveUp
    })
  }
}
