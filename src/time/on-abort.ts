/** Who waits for each signal that somebody waits for. */
const waiting = new WeakMap<AbortSignal, Waiters>()

/**
 * Calls once the signal is aborted; never, if it is already.
 *
 * Many waits share one signal: a request that reads the nodes of twenty disks, a guard that stops while it tidies five
 * hundred pages. However many they are, the signal gets one listener. Node warns of a leak from the eleventh on, and a
 * real leak would be lost among such warnings.
 *
 * @returns takes it back
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  if (signal.aborted) return () => undefined
  let waiters = waiting.get(signal)
  if (!waiters) {
    waiters = new Waiters(signal)
    waiting.set(signal, waiters)
  }
  return waiters.add(call)
}

class Waiters {
  readonly #signal: AbortSignal
  readonly #calls = new Set<{ readonly call: () => void }>()
  readonly #fire = (): void => {
    for (const waiter of this.#calls) {
      this.#calls.delete(waiter)
      waiter.call()
    }
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(call: () => void): () => void {
    // A listener for nothing would keep a signal that is made of others alive.
    if (this.#calls.size === 0) this.#signal.addEventListener('abort', this.#fire)
    const waiter = { call }
    this.#calls.add(waiter)
    return () => {
      this.#calls.delete(waiter)
      if (this.#calls.size === 0) this.#signal.removeEventListener('abort', this.#fire)
    }
  }
}

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
