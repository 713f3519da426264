/** Time, timers included: a test owns it by giving its own. */
export interface Clock {
  /** Milliseconds since the epoch; never runs backwards, so a difference of two is an age. */
  now(): number
  /**
   * Calls `fire` once after `ms` milliseconds.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** A random number from 0 up to but not including 1. */
export type Random = () => number

/**
 * The process's own time. It counts on from the moment the process started, so a wall clock that is set back
 * does not make old knowledge young. Known limit: a suspended machine does not count.
 */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}
