/** Time, timers included: a test owns it by giving its own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /**
   * Calls `fire` once after `ms` milliseconds.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

/** A moment as Kubernetes and Longhorn write it: RFC 3339 in UTC, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`
}
