import type { Clock } from '../time/clock.ts'
import { onAbort } from '../gate/on-abort.ts'

/** Waits `ms` milliseconds, or until the signal aborts; it then resolves too, and leaves no timer behind. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const over = () => {
      cancel()
      forget()
      resolve()
    }
    const cancel = clock.setTimer(ms, over)
    const forget = onAbort(signal, over)
  })
}
