import { onAbort } from './on-abort.ts'

/** Waits for work that goes on whoever waits for it. @throws what the work throws, or the signal's reason, if that comes first */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let forget = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason as Error))
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    forget()
  }
}
