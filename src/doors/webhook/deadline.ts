import type { Timers } from '../../time/clock.ts'

/** What the API server takes when a webhook configuration says nothing. */
const defaultTimeoutMs = 10_000

/** Kubernetes accepts no `timeoutSeconds` above 30, so nobody waits longer, whatever the query says. */
const maxTimeoutMs = 30_000

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter: Go takes both
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const term = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g
const duration = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/

/**
 * Reads `?timeout=` of a review: the budget that is left of the client's request, a Go duration (`10s`, `1m30s`,
 * `500ms`), rounded **up** to a second (kubernetes.md, The request).
 *
 * @param timeout absent or unreadable: the default of 10 s
 * @returns milliseconds, at most 30,000
 */
export function parseTimeout(timeout: unknown): number {
  // No duration is longer; a long text would only cost time.
  if (typeof timeout !== 'string' || timeout.length > 64 || !duration.test(timeout)) return defaultTimeoutMs
  let ms = 0
  for (const [, amount, unit] of timeout.matchAll(term)) {
    ms += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  }
  return Math.min(ms, maxTimeoutMs)
}

/** What {@link within} rejects with when time is up. */
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
export function within<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(ms, () => reject(new DeadlinePassed(ms)))
    work.then(resolve, reject).finally(cancel)
  })
}

/** The same for work that may be left to itself when time is up. @throws what the work rejects with */
export async function atMost(work: Promise<unknown>, ms: number, timers: Timers): Promise<void> {
  try {
    await within(work, ms, timers)
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error
  }
}
