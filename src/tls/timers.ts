import type { Clock } from './validity.ts'

/** Time with timers. */
export interface Timers extends Clock {
  /** Calls `fire` once after `ms` milliseconds. @returns cancels the timer; does nothing once it has fired */
  setTimer(ms: number, fire: () => void): () => void
}
