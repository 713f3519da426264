import { abortReason } from './abort-reason.ts'
import type { Clock } from '../time/clock.ts'
import { onAbort } from '../gate/on-abort.ts'

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
    const stop = () => reject(abortReason(signal))
    const cancel = clock.setTimer(ms, () => reject(late()))
    const forget = onAbort(signal, stop)
    if (signal.aborted) stop()
    void work.then(resolve, reject).finally(() => {
      cancel()
      forget()
    })
  })
}
