import { onAbort, untilAborted } from '../time/clock.ts'
import { type Contents, type Entry, type ReservationBook, toBeginWith } from './reservation-book.ts'

/** The result of an edit of an entry. */
interface Edited<T> {
  /** The new content; undefined to leave the entry. */
  readonly next?: Contents
  readonly result: T
}

/**
 * Edits an entry: `contents` is the stored content after earlier edits. It is called again if another writer
 * was quicker, and then only the last call counts.
 */
export type Edit<T> = (contents: Contents, stored: Entry) => Promise<Edited<T>>

/** The result of an edit, and of all edits in its swap. */
interface Swapped<T> {
  readonly result: T
  /** The entry before. */
  readonly before: Entry
  /** The entry as it is now. */
  readonly entry: Entry
}

interface Waiting {
  /** @returns the new content, and a callback for the caller once it is stored */
  readonly edit: (
    contents: Contents,
    stored: Entry,
  ) => Promise<{ next: Contents | undefined; done: (before: Entry, entry: Entry) => void }>
  readonly fail: (error: unknown) => void
  readonly signal: AbortSignal
  readonly fresh: boolean
}

/**
 * Edits entries, one swap at a time for each, within this replica: all edits that come during a swap share the
 * next one. Separately they would make each other fail, again and again: fifty at once took the API server's
 * whole time-out. Requests that one change releases share the first swap too.
 */
export class EntryQueue {
  readonly #book: ReservationBook
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(book: ReservationBook) {
    this.#book = book
  }

  /**
   * Resolves once the entry is edited.
   *
   * @param fresh true to read the entry first, if the last known version may lack the reservation to edit
   * @throws the error of the edit, an error if the write may not have happened, or the signal's reason
   */
  async edit<T>(
    key: string,
    edit: Edit<T>,
    { signal, fresh = false }: { readonly signal: AbortSignal; readonly fresh?: boolean },
  ): Promise<Swapped<T>> {
    signal.throwIfAborted()
    const work = new Promise<Swapped<T>>((resolve, reject) => {
      const waiting: Waiting = {
        edit: async (contents, stored) => {
          const { next, result } = await edit(contents, stored)
          return { next, done: (before, entry) => resolve({ result, before, entry }) }
        },
        fail: reject,
        signal,
        fresh,
      }
      const others = this.#waiting.get(key)
      if (others) others.push(waiting)
      else {
        this.#waiting.set(key, [waiting])
        void this.#work(key)
      }
    })
    return await untilAborted(work, signal)
  }

  async #work(key: string): Promise<void> {
    // Requests that one change releases have all come by then.
    await Promise.resolve()
    for (;;) {
      const together = this.#waiting.get(key)?.filter(({ signal }) => !signal.aborted)
      if (!together || together.length === 0) {
        this.#waiting.delete(key)
        return
      }
      this.#waiting.set(key, [])
      const { signal, end } = whileAnyWaits(together)
      try {
        await this.#swap(key, together, signal)
      } catch (error) {
        for (const { fail } of together) fail(error)
      } finally {
        end()
      }
    }
  }

  async #swap(key: string, together: readonly Waiting[], signal: AbortSignal): Promise<void> {
    // The callers that still wait. No edit of any other caller is made, or repeated.
    const waits = new Set(together)
    const seen = together.some(({ fresh }) => fresh) ? undefined : this.#book.seen(key)
    let entry = seen ?? (await this.#book.read(key, signal))
    while (!(await this.#swapOnce(entry, waits, signal))) entry = await this.#book.read(key, signal)
  }

  /** @returns false if the entry has changed meanwhile */
  async #swapOnce(entry: Entry, waits: Set<Waiting>, signal: AbortSignal): Promise<boolean> {
    const start = toBeginWith(entry)
    let contents = start
    const dones: ((before: Entry, entry: Entry) => void)[] = []
    for (const waiting of [...waits]) {
      try {
        const edited = waiting.signal.aborted ? undefined : await waiting.edit(contents, entry)
        // A caller that has given up meanwhile has got its answer, and does not know of this edit.
        if (!edited || waiting.signal.aborted) {
          waits.delete(waiting)
          continue
        }
        contents = edited.next ?? contents
        dones.push(edited.done)
      } catch (error) {
        waits.delete(waiting)
        waiting.fail(error)
      }
    }
    if (waits.size === 0) return true
    const swapped = contents === start ? entry : await this.#book.swap(entry, contents, signal)
    if (!swapped) return false
    for (const done of dones) done(entry, swapped)
    return true
  }
}

/** Aborted once all of these callers have given up. */
function whileAnyWaits(together: readonly Waiting[]): { signal: AbortSignal; end: () => void } {
  const all = new AbortController()
  const gone = (): void => {
    if (together.every(({ signal }) => signal.aborted)) all.abort(new Error('nobody waits for this any more'))
  }
  const ends = together.map(({ signal }) => onAbort(signal, gone))
  return {
    signal: all.signal,
    end: () => {
      for (const stop of ends) stop()
    },
  }
}
