import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Changes } from './changes.ts'
import type { Clock, QuorumReads } from './ports.ts'
import { isOwn, type Reservation } from './reservation.ts'
import type { Page, ReservationBook } from './reservation-book.ts'
import { isSettled } from './settled.ts'
import type { Lifetimes } from './lifetimes.ts'

/** What settling works with. */
export interface SettlerModules {
  readonly book: ReservationBook
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly changes: Changes
  readonly clock: Clock
  readonly lifetimes: Lifetimes
  /** Told when a page could not be cleaned up; it is tried again with the next sweep. */
  readonly onProblem: (error: unknown) => void
}

/** What the operator decides about settling. */
export interface SettlerOptions {
  /** This process: it cleans up after itself at once, and after others with each sweep. */
  readonly process: string
  readonly sweepMs: number
}

/**
 * Takes reservations out of the book once it is known what became of their changes. Nothing depends on it but the
 * size of the book: whoever reserves sees by itself what is settled.
 */
export class Settler {
  readonly #options: SettlerOptions
  readonly #modules: SettlerModules
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #deafen: () => void
  #cancel: () => void

  /** Begins. */
  constructor(options: SettlerOptions, modules: SettlerModules) {
    this.#options = options
    this.#modules = modules
    this.#deafen = modules.changes.subscribe((changed) => this.#tidy(changed))
    this.#cancel = this.#sweepLater()
  }

  /** Looks through the whole book once. */
  async sweep(): Promise<void> {
    await Promise.all([...this.#modules.book.pages()].map((page) => this.#settle(page)))
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#deafen()
    this.#cancel()
    this.#stopping.abort(new Error('the guard stops'))
    await Promise.all(this.#running)
  }

  #sweepLater(): () => void {
    return this.#modules.clock.setTimer(this.#options.sweepMs, () => {
      this.#run(this.sweep())
      this.#cancel = this.#sweepLater()
    })
  }

  /** After a change to an object: only this replica's own, so that not all do the same. */
  #tidy(changed: string): void {
    const { book, map } = this.#modules
    for (const page of book.pages()) {
      const concerned = page.reservations.some(
        (each) =>
          changed === `${each.kind}/${each.name}` &&
          isOwn(each, this.#options.process) &&
          isSettled(each, map),
      )
      if (concerned) this.#run(this.#settle(page))
    }
  }

  #run(work: Promise<void>): void {
    const done = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #settle(page: Page): Promise<void> {
    const { signal } = this.#stopping
    try {
      const standing: Reservation[] = []
      for (const each of page.reservations)
        if (!(await this.#isOver(page.key, each, signal))) standing.push(each)
      // If somebody else was quicker, the page looks different now and is for the next sweep.
      if (standing.length < page.reservations.length) await this.#modules.book.swap(page, standing, signal)
    } catch (error) {
      if (!signal.aborted) this.#modules.onProblem(error)
    }
  }

  /** Past its deadline nothing can be committed any more; the read makes sure that what was is there to be seen. */
  async #isOver(key: string, reservation: Reservation, signal: AbortSignal): Promise<boolean> {
    const { map, lifetimes, reads } = this.#modules
    if (isSettled(reservation, map)) return true
    if (!lifetimes.isOver(key, reservation)) return false
    await reads.metadata(reservation.kind, reservation.name, signal)
    return true
  }
}
