/** The time of day. */
export interface TimeOfDay {
  /**
   * Milliseconds since the epoch, for people, records and certificates. The value can be wrong, and can jump.
   */
  now(): number
}

/** Timers. Tests pass their own to control time. */
export interface Timers {
  /**
   * Calls `fire` once after `ms` milliseconds, or after 24 days if that is longer.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}

/** Time, timers included. Tests pass their own to control it. */
export interface Clock extends TimeOfDay, Timers {
  /**
   * Milliseconds that never run backwards, counted from a start of this process. The difference of two is an
   * age. Values of two processes cannot be compared.
   */
  monotonic(): number
}

/** A random number from 0 up to but not including 1. */
export type Random = () => number

/** Milliseconds by a clock that is never set. */
export function monotonicMs(): number {
  return timeOrigin + performance.now()
}

const { timeOrigin } = performance

/**
 * The length of a timer for something that takes `ms` milliseconds: 24 days at most. Node takes a longer one for 1 ms, and
 * code that sets its timer again when it fires early would loop. For a time that has passed it is 0: Node 24 warns of less.
 */
export function timerMs(ms: number): number {
  return Math.max(0, Math.min(ms, 2 ** 31 - 1))
}

/**
 * The machine's time. The monotonic clock counts on from the start of the process, so a wall clock that is
 * set back does not make old data look young. Its values look like a time of day, and equal it while the wall
 * clock is not set. Known limit: it stops while the machine is suspended.
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
 * A signal that aborts with another one, or after `ms` milliseconds at the latest.
 *
 * Node 20 loses `AbortSignal.any([signal, AbortSignal.timeout(ms)])` at the next garbage collection, and its
 * listeners wait for ever (nodejs/node#57736, *measured*; Node 24 does not). The timer here keeps the signal
 * alive, but not the process.
 *
 * @param timers count the time; those of a test, or ones that keep the process alive
 */
export function within(ms: number, signal: AbortSignal, timers: Timers = weakTimers): AbortSignal {
  if (signal.aborted) return signal
  const limited = new AbortController()
  const forget = onAbort(signal, () => {
    cancel()
    limited.abort(signal.reason)
  })
  const cancel = timers.setTimer(ms, () => {
    forget()
    limited.abort(new DOMException(`there was no answer within ${ms / 1_000} s`, 'TimeoutError'))
  })
  return limited.signal
}

const weakTimers: Timers = {
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, timerMs(ms)).unref()
    return () => clearTimeout(timer)
  },
}

/** True for the reason of a signal of {@link within} whose time was up. */
export function isTimeUp(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/**
 * Waits for work that cannot be cancelled, such as an exec plugin. The wait ends after `ms` milliseconds, or
 * when the signal aborts. A later result of the work is dropped.
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

/**
 * Waits `ms` milliseconds, or until the signal aborts. It resolves in both cases, and leaves no timer behind.
 */
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

/** A source of news with listeners. */
interface News {
  /** @returns removes the listener */
  subscribe(listener: () => void): () => void
}

/** How long a wait takes at most. */
interface WaitLimit {
  readonly clock: Pick<Clock, 'setTimer'>
  readonly limitMs: number
  readonly signal: AbortSignal
}

/**
 * Waits until a condition is true, and checks it again at every piece of news.
 *
 * @returns false if it is not true in time
 */
export async function comesTrue(
  isSo: () => boolean,
  news: News,
  { clock, limitMs, signal }: WaitLimit,
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

/** The reason of an aborted signal, as an error that can be thrown. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}

/** The waiting callbacks of each signal that has any. */
const waiting = new WeakMap<AbortSignal, Waiters>()

/**
 * Calls once the signal aborts. It never calls for a signal that is already aborted.
 *
 * Many waits share one signal: a request that reads the nodes of twenty disks, a guard that stops while it
 * tidies five hundred pages. The signal gets one listener for all of them. Node warns of a leak from the
 * eleventh listener on, and such warnings would hide a real leak.
 *
 * @returns cancels the callback
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
    // An unused listener would keep a signal that is composed of others alive.
    if (this.#calls.size === 0) this.#signal.addEventListener('abort', this.#fire)
    const waiter = { call }
    this.#calls.add(waiter)
    return () => {
      this.#calls.delete(waiter)
      if (this.#calls.size === 0) this.#signal.removeEventListener('abort', this.#fire)
    }
  }
}

/**
 * Waits for work that several callers share and that continues without them.
 *
 * @throws the error of the work, or the signal's reason, whichever comes first
 */
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

/** A function that is true once so many milliseconds have passed, by either clock: one of them may stand still while the machine sleeps. */
export function lateAfter(ms: number, clock: Pick<Clock, 'now' | 'monotonic'>): () => boolean {
  const [counted, wall] = [clock.monotonic(), clock.now()]
  return () => Math.max(clock.monotonic() - counted, clock.now() - wall) > ms
}
