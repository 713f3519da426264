import { SharedRead } from './shared-read.ts'

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
