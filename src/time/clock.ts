/** The time of day. */
export interface TimeOfDay {
  /** Milliseconds since the epoch, for people, records and certificates: it may be wrong, and it may jump. */
  now(): number
}

/** Timers, so that a test owns time. */
export interface Timers {
  /**
   * Calls `fire` once after `ms` milliseconds.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** Time, timers included: a test owns it by giving its own. */
export interface Clock extends TimeOfDay, Timers {
  /**
   * Milliseconds that never run backwards, from a start of this process's own: a difference of two is an age. Two
   * processes must not compare them.
   */
  monotonic(): number
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

/** A moment as Kubernetes and Longhorn write it: RFC 3339 in UTC, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`
}
