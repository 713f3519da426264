/** Time, timers included: a test owns it by giving its own. */
export interface Clock {
  /** The time of day, in milliseconds since the epoch, for people and records: it may be wrong, and it may jump. */
  now(): number
  /**
   * Milliseconds that never run backwards, from a start of this process's own: a difference of two is an age. Two
   * processes must not compare them.
   */
  monotonic(): number
  /**
   * Calls `fire` once after `ms` milliseconds.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** A random number from 0 up to but not including 1. */
export type Random = () => number

/** Milliseconds by a clock that is never set. */
export function monotonicMs(): number {
  return performance.timeOrigin + performance.now()
}

/**
 * The machine's time. What is counted goes on from the moment the process started, so a wall clock that is set back does
 * not make old knowledge young; it looks like a time of day, and is one while nobody sets the clock. Known limit: it
 * stands still while the machine is suspended.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: monotonicMs,
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}
