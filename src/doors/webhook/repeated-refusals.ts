import { onAbort, type Timers } from '../../time/clock.ts'

/** One denial to Longhorn's own account. */
export interface Refusal {
  readonly kind: string
  readonly name: string
  readonly operation: string
  /** The `resourceVersion` of the object that the write was reviewed on; empty on CREATE. */
  readonly version: string
  /** What was decided and by which rules, without anything that changes with time. */
  readonly verdict: string
}

/** How repeated refusals are answered. */
export interface RepeatLimits {
  /** The answer to the first repetition is put off by so much, in milliseconds; doubled with each one more. */
  readonly firstMs: number
  /** The most that an answer is put off, in milliseconds. */
  readonly mostMs: number
  /** So long without a repetition, and the next refusal counts as the first, in milliseconds. */
  readonly quietMs: number
  /** So many answers are put off at once; all others leave at once. */
  readonly maxWaiting: number
  /** So many different refusals are remembered; the longest unseen is forgotten first. */
  readonly maxRemembered: number
}

/** The limits without configuration. */
export const defaultRepeatLimits: RepeatLimits = {
  firstMs: 50,
  // Longhorn looks at each object every 30 s anyway, so a second more is not felt.
  mostMs: 1_000,
  // Five times the longest delay: whoever loops comes back sooner.
  quietMs: 5_000,
  maxWaiting: 64,
  maxRemembered: 1_000,
}

/** For how long the answer can be waited for. */
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
  /** When its answer left, or is to leave, by the monotonic clock. */
  readonly answeredAt: number
}

/**
 * Puts off the answer to a refusal that Longhorn's own account gets again and again. Longhorn's NodeController requeues
 * a node whose automatic clean-up was refused at once, up to 50 times a second (longhorn.md §3), and a 403 has no
 * Retry-After.
 *
 * What waits is the one worker of that controller that asked, in the manager of that node, for its own object; and a
 * person who clicks the same in Longhorn's UI again within seconds, since a webhook cannot tell them apart. The first
 * refusal, another version of the object and another verdict are answered at once, and so is whatever is allowed: a
 * clear never comes here. The decision was made and is on record before the wait begins.
 */
export class RepeatedRefusals {
  readonly #limits: RepeatLimits
  readonly #timers: Timers
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** The longest unseen first. */
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

  /** How many answers are put off now. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** How many answers were put off since the start. */
  get delayed(): number {
    return this.#delayed
  }

  /** How many different refusals are remembered. */
  get remembered(): number {
    return this.#seen.size
  }

  /** Resolves when the answer may leave; never rejects. */
  async putOff(refusal: Refusal, { until, signal }: Waiting): Promise<void> {
    const delayMs = Math.min(this.#count(refusal), until - this.now())
    if (delayMs <= 0 || this.#stopped || signal.aborted) return
    if (this.#waiting.size >= this.#limits.maxWaiting) return
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

  /** Lets all answers leave, now and from now on. */
  stop(): void {
    this.#stopped = true
    for (const over of [...this.#waiting]) over()
  }

  /** @returns by how many milliseconds the answer is to be put off */
  #count({ kind, name, operation, version, verdict }: Refusal): number {
    const { firstMs, mostMs, quietMs, maxRemembered } = this.#limits
    const key = JSON.stringify([kind, name, operation, verdict])
    const now = this.now()
    const before = this.#seen.get(key)
    const again = before?.version === version && now - before.answeredAt < quietMs
    const repeats = again ? before.repeats + 1 : 0
    const delayMs = repeats === 0 ? 0 : Math.min(mostMs, firstMs * 2 ** (repeats - 1))
    // Taken out first, so that it goes to the end.
    this.#seen.delete(key)
    this.#seen.set(key, { version, repeats, answeredAt: now + delayMs })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > maxRemembered && oldest !== undefined) this.#seen.delete(oldest)
    return delayMs
  }
}
