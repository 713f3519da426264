import { untilAborted } from './until-aborted.ts'

/**
 * Lets one at a time work on each page, within this replica. Together they would only make each other's swaps fail, each
 * of them once for every other: fifty at once were seen to take the API server's whole patience.
 */
export class PageQueue {
  /** Resolves once the last in the queue of a page is done. */
  readonly #last = new Map<string, Promise<void>>()

  /** Works once all before are done. @throws what the work throws, or the signal's reason */
  async run<T>(key: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#last.get(key)
    let done = (): void => undefined
    const mine = new Promise<void>((resolve) => (done = resolve))
    const last = before ? before.then(() => mine) : mine
    this.#last.set(key, last)
    try {
      if (before) await untilAborted(before, signal)
      return await work()
    } finally {
      done()
      if (this.#last.get(key) === last) this.#last.delete(key)
    }
  }
}
