import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Clock } from '../time/clock.ts'
import type { Changes } from './hold.ts'
import type { QuorumReads } from './ports.ts'
import {
  type Lifetimes,
  type Over,
  type Page,
  type ReservationBook,
  withoutOver,
} from './reservation-book.ts'
import { isOwn, isSettled, type Reservation, settledIn } from './reservation.ts'

/** What sweeping works with. */
interface SweeperModules {
  readonly book: ReservationBook
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly changes: Changes
  readonly clock: Clock
  readonly lifetimes: Lifetimes
  /** Told when a page could not be cleaned up; it is tried again with the next sweep. */
  readonly onProblem: (error: unknown) => void
}

/** What the operator decides about sweeping. */
export interface SweeperOptions {
  /** This process: it cleans up after itself at once, and after others with each sweep. */
  readonly process: string
  readonly sweepMs: number
  /**
   * How long after an outcome was seen the reservation is taken back, in milliseconds; 0: at once. Many that are committed
   * together leave a page in one swap, and not while the API server is still busy with them.
   */
  readonly tidyMs: number
}

/** Pages with nothing but marks are kept so long, in milliseconds: many times longer than a disk map may be behind. */
const keepMs = 600_000

/**
 * Takes reservations out of the book once it is known what became of their changes. Nothing depends on it but the
 * size of the book: whoever reserves sees by itself what is settled.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #modules: SweeperModules
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  /** Pages without reservations, and since when they are as they are. */
  readonly #quiet = new Map<string, { readonly version: string | undefined; readonly since: number }>()
  #cancel: () => void
  /** Pages from which something is to be taken, once the timer fires. */
  readonly #untidy = new Set<string>()
  #cancelTidying: (() => void) | undefined

  /** Begins. */
  constructor(options: SweeperOptions, modules: SweeperModules) {
    this.#options = options
    this.#modules = modules
    this.#unsubscribe = modules.changes.subscribeToObjects((changed) => this.#tidy(changed))
    this.#cancel = this.#sweepLater()
  }

  /** Looks through the whole book once. */
  async sweep(): Promise<void> {
    const pages = [...this.#modules.book.pages()]
    const keys = new Set(pages.map(({ key }) => key))
    for (const key of this.#quiet.keys()) if (!keys.has(key)) this.#quiet.delete(key)
    await Promise.all(pages.map((page) => this.#settle(page)))
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    this.#cancel()
    this.#cancelTidying?.()
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
      if (concerned) this.#tidySoon(page)
    }
  }

  #tidySoon(page: Page): void {
    const { tidyMs } = this.#options
    if (tidyMs === 0) {
      this.#run(this.#settle(page))
      return
    }
    this.#untidy.add(page.key)
    this.#cancelTidying ??= this.#modules.clock.setTimer(tidyMs, () => {
      this.#cancelTidying = undefined
      const pages = [...this.#modules.book.pages()].filter(({ key }) => this.#untidy.has(key))
      this.#untidy.clear()
      for (const each of pages) this.#run(this.#settle(each))
    })
  }

  #run(work: Promise<void>): void {
    const done = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #settle(page: Page): Promise<void> {
    const { signal } = this.#stopping
    const { book } = this.#modules
    try {
      if (this.#isQuiet(page)) {
        await book.swap(page, { reservations: [] }, signal)
        return
      }
      const over: Over[] = []
      for (const each of page.reservations) over.push(...(await this.#ifOver(page.key, each, signal)))
      // If somebody else was quicker, the page looks different now and is for the next sweep.
      if (over.length > 0) await book.swap(page, withoutOver(page.key, page, over), signal)
    } catch (error) {
      if (!signal.aborted) this.#modules.onProblem(error)
    }
  }

  /** Past its deadline nothing can be committed any more; the read makes sure that what was is there to be seen. */
  async #ifOver(key: string, reservation: Reservation, signal: AbortSignal): Promise<Over[]> {
    const { map, lifetimes, reads } = this.#modules
    const version = settledIn(reservation, map)
    if (version !== undefined) return [{ reservation, version }]
    if (!lifetimes.isOver(key, reservation)) return []
    const metadata = await reads.metadata(reservation.kind, reservation.name, signal)
    return [{ reservation, version: metadata?.resourceVersion }]
  }

  /** Marks alone are kept for as long as any disk map may be behind them, and longer. */
  #isQuiet({ key, version, reservations }: Page): boolean {
    if (reservations.length > 0) {
      this.#quiet.delete(key)
      return false
    }
    const now = this.#modules.clock.monotonic()
    const known = this.#quiet.get(key)
    if (known === undefined || known.version !== version) {
      this.#quiet.set(key, { version, since: now })
      return false
    }
    const isQuiet = now - known.since >= keepMs
    if (isQuiet) this.#quiet.delete(key)
    return isQuiet
  }
}
