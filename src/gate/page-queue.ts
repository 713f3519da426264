import { onAbort, untilAborted } from '../time/clock.ts'
import { type Contents, type Page, type ReservationBook, toBeginWith } from './reservation-book.ts'

/** The result of an edit of a page. */
interface Edited<T> {
  /** The new content; undefined to leave the page. */
  readonly next?: Contents
  readonly result: T
}

/**
 * Edits a page: `contents` is the stored content after earlier edits. It is called again if another writer
 * was quicker, and then only the last call counts.
 */
export type Edit<T> = (contents: Contents, stored: Page) => Promise<Edited<T>>

/** The result of an edit, and of all edits in its swap. */
interface Swapped<T> {
  readonly result: T
  /** The page before. */
  readonly before: Page
  /** The page as it is now. */
  readonly page: Page
}

interface Waiting {
  /** @returns the new content, and a callback for the caller once it is stored */
  readonly edit: (
    contents: Contents,
    stored: Page,
  ) => Promise<{ next: Contents | undefined; done: (before: Page, page: Page) => void }>
  readonly fail: (error: unknown) => void
  readonly signal: AbortSignal
  readonly fresh: boolean
}

/**
 * Edits pages, one swap at a time for each, within this replica: all edits that come during a swap share the
 * next one. Separately they would make each other fail, again and again: fifty at once took the API server's
 * whole time-out.
 */
export class PageQueue {
  readonly #book: ReservationBook
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(book: ReservationBook) {
    this.#book = book
  }

  /**
   * Resolves once the page is edited.
   *
   * @param fresh true to read the page first, if the last known version may lack the reservation to edit
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
          return { next, done: (before, page) => resolve({ result, before, page }) }
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
    let page = seen ?? (await this.#book.read(key, signal))
    while (!(await this.#swapOnce(page, waits, signal))) page = await this.#book.read(key, signal)
  }

  /** @returns false if the page has changed meanwhile */
  async #swapOnce(page: Page, waits: Set<Waiting>, signal: AbortSignal): Promise<boolean> {
    const start = toBeginWith(page)
    let contents = start
    const dones: ((before: Page, page: Page) => void)[] = []
    for (const waiting of [...waits]) {
      try {
        const edited = waiting.signal.aborted ? undefined : await waiting.edit(contents, page)
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
    const swapped = contents === start ? page : await this.#book.swap(page, contents, signal)
    if (!swapped) return false
    for (const done of dones) done(page, swapped)
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
