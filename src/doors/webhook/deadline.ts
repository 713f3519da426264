import type { Timers } from '../../time/clock.ts'
import { goDuration } from '../../time/duration.ts'

/** The API server's default if a webhook configuration has none. */
const defaultTimeoutMs = 10_000

/** Kubernetes accepts no `timeoutSeconds` above 30, so no client waits longer, whatever the query says. */
const maxTimeoutMs = 30_000

/**
 * Reads `?timeout=` of a review: the remaining time of the client's request, a Go duration (`10s`, `1m30s`,
 * `500ms`), rounded **up** to a second (kubernetes.md, The request).
 *
 * @param timeout absent or unreadable: the default of 10 s @returns milliseconds, at most 30,000
 */
export function parseTimeout(timeout: unknown): number {
  const ms = typeof timeout === 'string' ? goDuration(timeout) : undefined
  return Math.min(ms ?? defaultTimeoutMs, maxTimeoutMs)
}

/** The error of {@link decidedWithin} when time is up. */
class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`No decision within ${ms} ms`)
    this.name = 'DeadlinePassed'
  }
}

/**
 * Waits for `work`, but no longer than `ms` milliseconds. Under `failurePolicy: Ignore` a late answer
 * silently admits the write (kubernetes.md, The answer), so there has to be one in time. The work itself goes
 * on unattended.
 *
 * @throws {@link DeadlinePassed} when time is up, else the error of `work`
 */
export function decidedWithin<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(ms, () => reject(new DeadlinePassed(ms)))
    work.then(resolve, reject).finally(cancel)
  })
}

/** The same for work that may go on unattended when time is up. @throws the error of the work */
export async function atMost(work: Promise<unknown>, ms: number, timers: Timers): Promise<void> {
  try {
    await decidedWithin(work, ms, timers)
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error
  }
}
