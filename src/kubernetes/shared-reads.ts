import { setImmediate as turn } from 'node:timers/promises'
import { untilAborted } from '../time/clock.ts'

/** Nobody waits for a decision longer, in milliseconds. */
const timeoutMs = 10_000

/**
 * A read that sees everything committed before it began, for all who want one at the same time. It begins a turn of the
 * event loop after the first asked, so that all who are released together share it. Who comes while it is under way shares
 * the next. So there are never more than two, however many decide.
 */
export class SharedRead<T> {
  readonly #read: (signal: AbortSignal) => Promise<T>
  /** One that is not asked for yet. */
  #beginning: Promise<T> | undefined
  #running: Promise<unknown> | undefined
  #next: Promise<T> | undefined

  /** @param read asks once */
  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read
  }

  /** @throws what the read throws, or the signal's reason */
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

/** A {@link SharedRead} for each key, kept for as long as somebody waits for it. */
export class SharedReads<T> {
  readonly #shared = new Map<string, { readonly read: SharedRead<T>; waiting: number }>()

  /** How many keys somebody waits for. */
  get size(): number {
    return this.#shared.size
  }

  /**
   * @param read asks once; that of the first who asks for a key is the one for all
   * @throws what the read throws, or the signal's reason
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
