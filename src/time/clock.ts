/** The time of day. */
export interface TimeOfDay {
  /** Milliseconds since the epoch, for people, records and certificates: it may be wrong, and it may jump. */
  now(): number
}

/** Timers, so that a test owns time. */
export interface Timers {
  /**
   * Calls `fire` once after `ms` milliseconds, or after 24 days if that is longer.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** Time, timers included: a test owns it by giving its own. */
export interface Clock extends TimeOfDay, Timers {
  /**
   * Milliseconds that never run backwards, from a start of this process's own: a difference of two is an age. Two
   * processes must not compare them.
   */
  monotonic(): number
}

/** A random number from 0 up to but not including 1. */
export type Random = () => number

/** Milliseconds by a clock that is never set. */
export function monotonicMs(): number {
  return performance.timeOrigin + performance.now()
}

/**
 * So long a timer of Node is set for something that takes `ms` milliseconds: 24 days at most. What is longer Node takes for
 * 1 ms, and whoever then looks again, since it is too early, never rests.
 */
export function timerMs(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1)
}

/**
 * The machine's time. What is counted goes on from the moment the process started, so a wall clock that is set back does
 * not make old knowledge young; it looks like a time of day, and is one while nobody sets the clock. Known limit: it
 * stands still while the machine is suspended.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: monotonicMs,
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, timerMs(ms))
    return () => clearTimeout(timer)
  },
}

/** A moment as Kubernetes and Longhorn write it: RFC 3339 in UTC, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`
}

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
  }, timerMs(ms)).unref()
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
