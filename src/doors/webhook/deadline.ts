import type { Timers } from '../../time/clock.ts'
import { goDuration } from '../../time/duration.ts'

/** What the API server takes when a webhook configuration says nothing. */
const defaultTimeoutMs = 10_000

/** Kubernetes accepts no `timeoutSeconds` above 30, so nobody waits longer, whatever the query says. */
const maxTimeoutMs = 30_000

/**
 * Reads `?timeout=` of a review: the budget that is left of the client's request, a Go duration (`10s`, `1m30s`,
 * `500ms`), rounded **up** to a second (kubernetes.md, The request).
 *
 * @param timeout absent or unreadable: the default of 10 s
 * @returns milliseconds, at most 30,000
 */
export function parseTimeout(timeout: unknown): number {
  const ms = typeof timeout === 'string' ? goDuration(timeout) : undefined
  return Math.min(ms ?? defaultTimeoutMs, maxTimeoutMs)
}

/** What {@link decidedWithin} rejects with when time is up. */
class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`No decision within ${ms} ms`)
    this.name = 'DeadlinePassed'
  }
}

/**
 * Waits for `work`, but no longer than `ms` milliseconds. Under `failurePolicy: Ignore` an answer that comes too
 * late admits the write without a word (kubernetes.md, The answer), so there has to be one in time. The work
 * itself goes on; nothing of it is waited for.
 *
 * @throws {@link DeadlinePassed} when time is up, else whatever `work` rejects with
 */
export function decidedWithin<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(ms, () => reject(new DeadlinePassed(ms)))
    work.then(resolve, reject).finally(cancel)
  })
}

/** The same for work that may be left to itself when time is up. @throws what the work rejects with */
export async function atMost(work: Promise<unknown>, ms: number, timers: Timers): Promise<void> {
  try {
    await decidedWithin(work, ms, timers)
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error
  }
}
