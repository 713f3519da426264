import type { Clock } from '../time/clock.ts'
import { comesTrue } from '../time/wait.ts'
import { byPage, type Claim } from './claims.ts'
import {
  type Conflict,
  type Draft,
  type Drafted,
  PageEdits,
  type PageEditsModules,
  type ReserverOptions,
  type Reserving,
} from './page-edits.ts'
import type { Edit, PageQueue } from './page-queue.ts'
import {
  catchUpMs,
  keepsMarks,
  type Page,
  type ReservationBook,
  type ReservedPage,
  toBeginWith,
} from './reservation-book.ts'

/** What reserving works with. */
export interface ReserverModules extends PageEditsModules {
  readonly book: ReservationBook
  readonly queue: PageQueue
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'setTimer'>
  /** Why nothing can be written in the book now, for people; undefined if it can. Absent for a book of one's own. */
  readonly doubt?: () => string | undefined
}

/** A reservation that was made, or may have been. */
export interface PlacedReservation extends Draft {
  readonly key: string
  /** The page it was made on; undefined if nobody knows whether it was. */
  readonly page: Page | undefined
}

/**
 * What became of an attempt to reserve: the pages that were claimed, as they are then (for a dry run, as they would be), or
 * what came between.
 */
type Reserved =
  | { readonly outcome: 'reserved'; readonly pages: readonly ReservedPage[] }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  | { readonly outcome: 'failed'; readonly error: unknown }

/** What has come of reserving so far. */
interface Progress {
  readonly placed: PlacedReservation[]
  readonly pages: ReservedPage[]
}

/** Makes reservations for changes. */
export class Reserver {
  readonly #modules: ReserverModules
  readonly #edits: PageEdits

  constructor(options: ReserverOptions, modules: ReserverModules) {
    this.#modules = modules
    this.#edits = new PageEdits(options, modules)
  }

  /**
   * Reserves what a change claims, page by page in their order, so that two with several pages in common meet on the
   * first. Then it looks at the pages that are only to be looked at. A dry run looks at all.
   *
   * @param placed gets what was reserved, or may have been: for the caller to take back, whatever the outcome
   */
  async reserve(
    asked: Reserving,
    claims: readonly Claim[],
    placed: PlacedReservation[],
    signal: AbortSignal,
  ): Promise<Reserved> {
    const pages: ReservedPage[] = []
    const made: PlacedReservation[] = []
    let reserved: Reserved = { outcome: 'reserved', pages }
    try {
      const met =
        (await this.#reserveAll(claims, asked, { placed: made, pages }, signal)) ??
        (await this.#lookAtAll(claims, asked, { placed: made, pages }, signal))
      if (met) reserved = { outcome: 'conflict', conflict: met }
    } catch (error) {
      reserved = { outcome: 'failed', error }
    }
    placed.push(...made)
    return reserved
  }

  async #reserveAll(
    claims: readonly Claim[],
    asked: Reserving,
    { placed, pages }: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    for (const [key, onPage] of byPage(claims.filter(({ looks }) => !looks))) {
      const met = asked.change.request.dryRun
        ? await this.#look(key, onPage, asked, pages, signal)
        : await this.#reserveOn(key, onPage, asked, { placed, pages }, signal)
      if (met) return met
    }
    return undefined
  }

  async #lookAtAll(
    claims: readonly Claim[],
    asked: Reserving,
    { placed, pages }: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const looks = byPage(claims.filter((claim) => claim.looks))
    if (looks.size === 0) return undefined
    const isWatched = asked.change.request.dryRun || (await this.#haveWatched(placed, signal))
    for (const [key, onPage] of looks) {
      const met = await this.#look(key, onPage, asked, pages, signal, !isWatched)
      if (met) return met
    }
    return undefined
  }

  /**
   * True once the watch has brought what was reserved just now: then it has brought every page as it was before that too,
   * and none has to be read. False if it does not come so far in a moment, and where nothing was reserved: what is looked at
   * because of what was read since may be younger than all that was reserved before.
   */
  async #haveWatched(placed: readonly PlacedReservation[], signal: AbortSignal): Promise<boolean> {
    const { book, clock } = this.#modules
    const own = placed.map(({ page }) => page).filter((page) => page !== undefined)
    if (own.length === 0) return false
    const isThere = () => own.every((page) => book.markedSince(page) !== undefined)
    return await comesTrue(isThere, book, { clock, limitMs: catchUpMs, signal })
  }

  /** Reserves nothing. @param fresh true to read the page @throws where a real write could not reserve either */
  async #look(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    pages: ReservedPage[],
    signal: AbortSignal,
    fresh = false,
  ): Promise<Conflict | undefined> {
    const { book, doubt } = this.#modules
    const seen = fresh ? undefined : book.seen(key)
    const stored = seen ?? (await book.read(key, signal))
    const { next, result } = await this.#edits.of(key, claims, asked, signal)(toBeginWith(stored), stored)
    const why = result.met ? undefined : doubt?.()
    if (why !== undefined) throw new Error(why)
    // That it is not there tells nothing where its removal, and that of its marks, was not watched.
    const unmarked = !seen && stored.version === undefined ? { settled: undefined } : {}
    if (keepsMarks(key)) pages.push({ known: stored, page: { ...stored, ...next, ...unmarked } })
    return result.met
  }

  async #reserveOn(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    { placed, pages }: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const before = placed.length
    const reserve = this.#edits.of(key, claims, asked, signal)
    const edit: Edit<Drafted> = async (contents, stored) => {
      const edited = await reserve(contents, stored)
      placed.length = before
      // Until the answer comes nobody knows whether it was done.
      for (const draft of edited.result.met ? [] : edited.result.drafts)
        placed.push({ key, page: undefined, ...draft })
      return edited
    }
    const swapped = await this.#modules.queue.edit(key, edit, { signal })
    placed.length = before
    const { result, page } = swapped
    if (result.met) return result.met
    for (const draft of result.drafts) placed.push({ key, page, ...draft })
    if (keepsMarks(key))
      pages.push({ known: swapped.before.version === undefined ? page : swapped.before, page })
    return undefined
  }
}
