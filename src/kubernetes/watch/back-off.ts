import type { Clock, Random } from '../../time/clock.ts'

/** How long to wait after failures. */
export interface BackOffLimits {
  /** Most for the first wait; doubled with each failure. 0.8 s, as client-go's reflectors do. */
  readonly baseMs: number
  /** Most for any wait: an API server that is back is noticed within half a minute. */
  readonly capMs: number
  /** So long without a failure, and the next one counts as the first. */
  readonly healthyMs: number
  /** The longest Retry-After that is believed; a proxy's mistake must not blind the guard for a day. */
  readonly maxRetryAfterMs: number
}

/** The reasons stand at the fields. */
export const defaultBackOffLimits: BackOffLimits = {
  baseMs: 800,
  capMs: 30_000,
  healthyMs: 120_000,
  maxRetryAfterMs: 300_000,
}

/**
 * Exponential back-off with full jitter: each wait is anything from nothing to the ceiling, so that many clients
 * of a server that comes back do not all come at once.
 */
export class BackOff {
  readonly #limits: BackOffLimits
  readonly #clock: Clock
  readonly #random: Random
  #failures = 0
  #healthySince: number | undefined

  constructor(limits: BackOffLimits, clock: Clock, random: Random) {
    this.#limits = limits
    this.#clock = clock
    this.#random = random
  }

  /** Something worked: from now on it counts as healthy, until the next failure. */
  succeeded(): void {
    this.#healthySince ??= this.#clock.monotonic()
  }

  /**
   * Something failed.
   *
   * @param retryAfterSeconds what the server asked for; it knows better than any guess
   * @returns how long to wait, in milliseconds
   */
  failed(retryAfterSeconds = 0): number {
    const { baseMs, capMs, healthyMs, maxRetryAfterMs } = this.#limits
    const healthyFor = this.#healthySince === undefined ? 0 : this.#clock.monotonic() - this.#healthySince
    this.#healthySince = undefined
    if (healthyFor >= healthyMs) this.#failures = 0
    const ceilingMs = Math.min(capMs, baseMs * 2 ** this.#failures)
    this.#failures += 1
    if (retryAfterSeconds > 0) return Math.min(retryAfterSeconds * 1000, maxRetryAfterMs)
    return this.#random() * ceilingMs
  }
}
