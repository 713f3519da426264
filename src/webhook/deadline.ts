import type { Timers } from './ports.ts'

/** What {@link within} rejects with when time is up. */
export class DeadlinePassed extends Error {
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
