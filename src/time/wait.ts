import type { Clock } from './clock.ts'
import { onAbort } from './on-abort.ts'

/**
 * A signal that is aborted with another one, and after so many milliseconds at the latest.
 *
 * Node 20 forgets `AbortSignal.any([signal, AbortSignal.timeout(ms)])` with the next garbage collection, and who waits for
 * it then waits for ever (nodejs/node#57736, *measured*; Node 24 does not). The timer here keeps the signal, and no process alive.
 */
export function within(ms: number, signal: AbortSignal): AbortSignal {
  if (signal.aborted) return signal
  const limited = new AbortController()
  const forget = onAbort(signal, () => {
    clearTimeout(timer)
    limited.abort(signal.reason)
  })
  const timer = setTimeout(() => {
    forget()
    limited.abort(new DOMException(`there was no answer within ${ms / 1_000} s`, 'TimeoutError'))
  }, ms).unref()
  return limited.signal
}

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

/** Something that tells its listeners of news. */
interface News {
  /** @returns ends it */
  subscribe(listener: () => void): () => void
}

/** How long something is waited for. */
interface Patience {
  readonly clock: Pick<Clock, 'setTimer'>
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** Waits until something is so, which it looks at again at all news. @returns false if it is not so in time */
export async function comesTrue(
  isSo: () => boolean,
  news: News,
  { clock, limitMs, signal }: Patience,
): Promise<boolean> {
  if (isSo()) return true
  if (signal.aborted) return false
  return await new Promise<boolean>((resolve) => {
    const done = (is: boolean): void => {
      unsubscribe()
      cancel()
      forget()
      resolve(is)
    }
    const unsubscribe = news.subscribe(() => {
      if (isSo()) done(true)
    })
    const cancel = clock.setTimer(limitMs, () => done(false))
    const forget = onAbort(signal, () => done(false))
  })
}

/** Why a signal was aborted, as an error that can be thrown. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
