/** CrashLoopBackOff: each pause is twice the one before, until it has run well for a while. */
export interface BackOffOptions {
  readonly restartMs: number
  readonly maxRestartMs: number
  readonly healthyMs: number
}

/** How long a manager that crashed stays down. */
export class BackOff {
  readonly #options: BackOffOptions
  #pauseMs: number
  #runningSince: number

  /** @param now milliseconds since 1970 */
  constructor(options: BackOffOptions, now: number) {
    this.#options = options
    this.#pauseMs = options.restartMs
    this.#runningSince = now
  }

  /** It crashed: the pause before the next start, in milliseconds. */
  crashed(now: number): number {
    if (now - this.#runningSince >= this.#options.healthyMs) this.#pauseMs = this.#options.restartMs
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(pauseMs * 2, this.#options.maxRestartMs)
    return pauseMs
  }

  started(now: number): void {
    this.#runningSince = now
  }

  /** A new pod, as after an upgrade, knows nothing of its predecessor's crashes. */
  reset(now: number): void {
    this.#pauseMs = this.#options.restartMs
    this.#runningSince = now
  }
}
