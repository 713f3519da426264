import type { Contents, Page, ReservationBook } from './reservation-book.ts'

/** A book for one process: for tests, and for a command that decides alone. */
export class InProcessBook implements ReservationBook {
  readonly #pages = new Map<string, Page>()
  readonly #listeners = new Set<(key: string) => void>()
  #version = 0

  seen(key: string): Page {
    return this.#pages.get(key) ?? { key, version: undefined, reservations: [] }
  }

  pages(): Iterable<Page> {
    return this.#pages.values()
  }

  read(key: string, signal: AbortSignal): Promise<Page> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      resolve(this.seen(key))
    })
  }

  swap(
    { key, version }: Page,
    { reservations, settled }: Contents,
    signal: AbortSignal,
  ): Promise<Page | undefined> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      if (this.seen(key).version !== version) {
        resolve(undefined)
        return
      }
      if (reservations.length === 0 && !settled) this.#pages.delete(key)
      else {
        const page = { key, version: String(++this.#version), reservations: [...reservations] }
        this.#pages.set(key, settled ? { ...page, settled } : page)
      }
      for (const listener of this.#listeners) listener(key)
      resolve(this.seen(key))
    })
  }

  /** Nobody else writes in it. */
  markedSince(): number {
    return -Infinity
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
