import { onAbort, type Timers } from '../../time/clock.ts'

/** One denial to Longhorn's own account. */
export interface Refusal {
  readonly kind: string
  readonly name: string
  readonly operation: string
  /** The `resourceVersion` of the object that was reviewed; empty on CREATE. */
  readonly version: string
  /** The decision and its rules, without the parts that change with time. */
  readonly verdict: string
}

/** Options of answers to repeated denials. */
export interface RepeatLimits {
  /** The delay of the answer to the first repetition, in milliseconds; it doubles with each further one. */
  readonly firstMs: number
  /** The longest delay of an answer, in milliseconds. */
  readonly mostMs: number
  /** After this time without a repetition, the next denial counts as the first, in milliseconds. */
  readonly quietMs: number
  /** The maximum of delayed answers; all others leave at once. */
  readonly maxWaiting: number
  /** The maximum of remembered denials; the one unseen for longest is dropped first. */
  readonly maxRemembered: number
}

/** The limits without configuration. */
export const defaultRepeatLimits: RepeatLimits = {
  firstMs: 50,
  // Longhorn looks at each object every 30 s anyway, so another second has no effect.
  mostMs: 1_000,
  // Five times the longest delay: a loop comes back sooner.
  quietMs: 5_000,
  maxWaiting: 64,
  maxRemembered: 1_000,
}

/** How long the answer can wait. */
export interface Waiting {
  /** When the answer has to leave, by {@link RepeatedRefusals.now}. */
  readonly until: number
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
}

interface Seen {
  readonly version: string
  /** How often it was repeated. */
  readonly repeats: number
  /** When its answer left, or will leave, by the monotonic clock. */
  readonly answeredAt: number
}

/**
 * Delays the answer to a denial that Longhorn's own account gets again and again. Longhorn's NodeController
 * requeues a node whose automatic clean-up was denied at once, up to 50 times a second (longhorn.md §3), and
 * a 403 has no Retry-After.
 *
 * The delay blocks the one worker of that controller that asked, in the manager of that node, for its own
 * object. It also delays a person who repeats the same click in Longhorn's UI within seconds, since a webhook
 * cannot tell them apart. The first denial, another version of the object and another verdict are answered at
 * once, and so is every allowed change: a clear never comes here. The decision was made and is recorded
 * before the delay begins.
 */
export class RepeatedRefusals {
  readonly #limits: RepeatLimits
  readonly #timers: Timers
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** The one unseen for longest first. */
  readonly #seen = new Map<string, Seen>()
  readonly #waiting = new Set<() => void>()
  #stopped = false
  #delayed = 0

  /** @param now milliseconds by a clock that is never set */
  constructor(timers: Timers, now: () => number, limits: RepeatLimits = defaultRepeatLimits) {
    this.#timers = timers
    this.now = now
    this.#limits = limits
  }

  /** How many answers are delayed now. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How many answers were delayed since the start. */
  get delayed(): number {
    return this.#delayed
  }

  /** How many denials are remembered. */
  get remembered(): number {
    return this.#seen.size
  }

  /** Resolves when the answer may leave; never rejects. */
  async putOff(refusal: Refusal, waiting: () => Waiting): Promise<void> {
    const wantedMs = this.#count(refusal)
    if (wantedMs <= 0 || this.#stopped || this.#waiting.size >= this.#limits.maxWaiting) return
    const { until, signal } = waiting()
    const delayMs = Math.min(wantedMs, until - this.now())
    if (delayMs <= 0 || signal.aborted) return
    this.#delayed += 1
    await new Promise<void>((resolve) => {
      const over = (): void => {
        cancel()
        forget()
        this.#waiting.delete(over)
        resolve()
      }
      const cancel = this.#timers.setTimer(delayMs, over)
      const forget = onAbort(signal, over)
      this.#waiting.add(over)
    })
  }

  /** Sends all answers, now and from now on. */
  stop(): void {
    this.#stopped = true
    for (const over of [...this.#waiting]) over()
  }

  /** @returns the delay of the answer in milliseconds */
  #count({ kind, name, operation, version, verdict }: Refusal): number {
    const { firstMs, mostMs, quietMs, maxRemembered } = this.#limits
    const key = JSON.stringify([kind, name, operation, verdict])
    const now = this.now()
    const before = this.#seen.get(key)
    const again = before?.version === version && now - before.answeredAt < quietMs
    const repeats = again ? before.repeats + 1 : 0
    const delayMs = repeats === 0 ? 0 : Math.min(mostMs, firstMs * 2 ** (repeats - 1))
    // Removed first, so that it goes to the end.
    this.#seen.delete(key)
    this.#seen.set(key, { version, repeats, answeredAt: now + delayMs })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > maxRemembered && oldest !== undefined) this.#seen.delete(oldest)
    return delayMs
  }
}
