import { setImmediate as turn } from 'node:timers/promises'
import { untilAborted } from '../time/clock.ts'

/** The longest wait of a decision, in milliseconds. */
const timeoutMs = 10_000

/**
 * A read that all concurrent callers share. It sees everything that was committed before it began. It begins
 * one turn of the event loop after the first call, so that requests which are released together share it.
 * Callers that come during a read share the next one. So at most two are in progress, whatever the number of
 * decisions.
 */
export class SharedRead<T> {
  readonly #read: (signal: AbortSignal) => Promise<T>
  /** A read that has not begun. */
  #beginning: Promise<T> | undefined
  #running: Promise<unknown> | undefined
  #next: Promise<T> | undefined

  /** @param read asks once */
  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read
  }

  /** @throws the error of the read, or the signal's reason */
  async get(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    return await untilAborted(this.#beginning ?? this.#nextOf(this.#running), signal)
  }

  #begin(): Promise<T> {
    const read = turn().then(() => {
      this.#beginning = undefined
      return this.#read(AbortSignal.timeout(timeoutMs))
    })
    this.#beginning = read
    const running = read
      .catch(() => undefined)
      .then(() => {
        if (this.#running === running) this.#running = undefined
      })
    this.#running = running
    return read
  }

  #nextOf(running: Promise<unknown> | undefined): Promise<T> {
    if (!running) return this.#begin()
    this.#next ??= running.then(() => {
      this.#next = undefined
      return this.#beginning ?? this.#begin()
    })
    return this.#next
  }
}

/** A {@link SharedRead} for each key, kept as long as it has callers. */
export class SharedReads<T> {
  readonly #shared = new Map<string, { readonly read: SharedRead<T>; waiting: number }>()

  /** The number of keys with callers. */
  get size(): number {
    return this.#shared.size
  }

  /**
   * @param read asks once; the function of the first caller serves all callers of the key
   * @throws the error of the read, or the signal's reason
   */
  async get(key: string, read: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const shared = this.#shared.get(key) ?? { read: new SharedRead(read), waiting: 0 }
    this.#shared.set(key, shared)
    shared.waiting += 1
    try {
      return await shared.read.get(signal)
    } finally {
      shared.waiting -= 1
      if (shared.waiting === 0) this.#shared.delete(key)
    }
  }
}
