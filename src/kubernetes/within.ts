import { onAbort } from '../gate/on-abort.ts'

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
