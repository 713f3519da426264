import { abortReason } from './abort-reason.ts'
import type { Clock } from './clock.ts'

/**
 * Waits for work that cannot be cancelled, an exec plugin for example, but not longer than `ms` milliseconds and
 * not beyond the signal. What the work comes to after that is dropped.
 *
 * @param late makes the error for work that takes too long
 */
export async function bounded<T>(
  work: Promise<T>,
  { clock, ms, signal, late }: { clock: Clock; ms: number; signal: AbortSignal; late: () => Error },
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal))
    const cancel = clock.setTimer(ms, () => reject(late()))
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    void work.then(resolve, reject).finally(() => {
      cancel()
      signal.removeEventListener('abort', onAbort)
    })
  })
}
