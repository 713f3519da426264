import { untilAborted } from '../gate/until-aborted.ts'

/** Nobody waits for a decision longer, in milliseconds. */
const timeoutMs = 10_000

/**
 * A read that sees everything committed before it began, for all who want one at the same time: who comes while one is
 * under way shares the next, which begins after they came. So there are never more than two, however many decide.
 */
export class SharedRead<T> {
  readonly #read: (signal: AbortSignal) => Promise<T>
  #running: Promise<unknown> | undefined
  #next: Promise<T> | undefined

  /** @param read asks once */
  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read
  }

  /** @throws what the read throws, or the signal's reason */
  async get(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    return await untilAborted(this.#running ? this.#afterThis(this.#running) : this.#begin(), signal)
  }

  #begin(): Promise<T> {
    const read = this.#read(AbortSignal.timeout(timeoutMs))
    const running = read
      .catch(() => undefined)
      .then(() => {
        if (this.#running === running) this.#running = undefined
      })
    this.#running = running
    return read
  }

  #afterThis(running: Promise<unknown>): Promise<T> {
    this.#next ??= running.then(() => {
      this.#next = undefined
      return this.#begin()
    })
    return this.#next
  }
}
