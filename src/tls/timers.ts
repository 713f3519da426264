import type { Clock } from './validity.ts'

/** Time with timers. */
export interface Timers extends Clock {
  /** Milliseconds that never run backwards, and that nobody sets: a difference of two is an age. */
  monotonic(): number
  /** Calls `fire` once after `ms` milliseconds. @returns cancels the timer; does nothing once it has fired */
  setTimer(ms: number, fire: () => void): () => void
}
