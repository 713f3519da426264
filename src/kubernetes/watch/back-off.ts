import type { Clock, Random } from '../../time/clock.ts'

/** Waits after failures. */
export interface BackOffLimits {
  /** Ceiling of the first wait; it doubles with each failure. 0.8 s, as in client-go's reflectors. */
  readonly baseMs: number
  /** Ceiling of all waits: the guard notices within half a minute that an API server is back. */
  readonly capMs: number
  /** After this time without a failure, the next one counts as the first. */
  readonly healthyMs: number
  /** Limit for Retry-After; a proxy's mistake must not blind the guard for a day. */
  readonly maxRetryAfterMs: number
}

/** The fields have the reasons. */
export const defaultBackOffLimits: BackOffLimits = {
  baseMs: 800,
  capMs: 30_000,
  healthyMs: 120_000,
  maxRetryAfterMs: 300_000,
}

/**
 * Exponential back-off with full jitter: each wait is random between zero and the ceiling. So the clients of
 * a restarted server do not all come at once.
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

  /** A success: the server counts as healthy until the next failure. */
  succeeded(): void {
    this.#healthySince ??= this.#clock.monotonic()
  }

  /**
   * A failure.
   *
   * @param retryAfterSeconds the wait that the server asks for; it overrides the back-off
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
