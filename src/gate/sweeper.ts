import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Clock } from '../time/clock.ts'
import type { ChangeBus } from './change-bus.ts'
import type { QuorumReads } from './ports.ts'
import {
  type Lifetimes,
  type Over,
  type Entry,
  type ReservationBook,
  withoutOver,
} from './reservation-book.ts'
import { isOwn, isResolved, type Reservation, resolvedIn } from './reservation.ts'

/** The parts that sweeping needs. */
interface SweeperModules {
  readonly book: ReservationBook
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly changes: ChangeBus
  readonly clock: Clock
  readonly lifetimes: Lifetimes
  /** Called if an entry could not be cleaned up; the next sweep retries. */
  readonly onProblem: (error: unknown) => void
}

/** Options of sweeping. */
export interface SweeperOptions {
  /** This process: it cleans up its own reservations at once, and others' with each sweep. */
  readonly process: string
  readonly sweepMs: number
  /**
   * How long after its result was seen a reservation is released, in milliseconds; 0 for at once. Many that
   * are committed together then leave an entry in one swap, after the API server's busiest moment.
   */
  readonly tidyMs: number
}

/**
 * How long entries with marks only are kept, in milliseconds: many times longer than a disk map may be behind.
 */
const keepMs = 600_000

/**
 * Removes reservations from the book once the results of their changes are known. Only the size of the book
 * depends on it: each new reservation sees by itself which ones are settled.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #modules: SweeperModules
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  /** Entries without reservations, and since when they are unchanged. */
  readonly #quiet = new Map<string, { readonly version: string | undefined; readonly since: number }>()
  #cancel: () => void
  /** Entries with something to remove, once the timer fires. */
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
    const entries = [...this.#modules.book.entries()]
    const keys = new Set(entries.map(({ key }) => key))
    for (const key of this.#quiet.keys()) if (!keys.has(key)) this.#quiet.delete(key)
    await Promise.all(entries.map((entry) => this.#settle(entry)))
  }

  /** Resolves when no sweep is in progress. */
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

  /** After a change to an object: only this replica's own, so that not all replicas do the same. */
  #tidy(changed: string): void {
    const { book, map } = this.#modules
    for (const entry of book.entries()) {
      const concerned = entry.reservations.some(
        (each) =>
          changed === `${each.kind}/${each.name}` &&
          isOwn(each, this.#options.process) &&
          isResolved(each, map),
      )
      if (concerned) this.#tidySoon(entry)
    }
  }

  #tidySoon(entry: Entry): void {
    const { tidyMs } = this.#options
    if (tidyMs === 0) {
      this.#run(this.#settle(entry))
      return
    }
    this.#untidy.add(entry.key)
    this.#cancelTidying ??= this.#modules.clock.setTimer(tidyMs, () => {
      this.#cancelTidying = undefined
      const entries = [...this.#modules.book.entries()].filter(({ key }) => this.#untidy.has(key))
      this.#untidy.clear()
      for (const each of entries) this.#run(this.#settle(each))
    })
  }

  #run(work: Promise<void>): void {
    const done = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #settle(entry: Entry): Promise<void> {
    const { signal } = this.#stopping
    const { book } = this.#modules
    try {
      if (this.#isQuiet(entry)) {
        await book.swap(entry, { reservations: [] }, signal)
        return
      }
      const over: Over[] = []
      for (const each of entry.reservations) over.push(...(await this.#ifOver(entry.key, each, signal)))
      // If another writer was quicker, the entry differs now and is left to the next sweep.
      if (over.length > 0) await book.swap(entry, withoutOver(entry.key, entry, over), signal)
    } catch (error) {
      if (!signal.aborted) this.#modules.onProblem(error)
    }
  }

  /**
   * Past its deadline it can no longer be committed; the read makes sure that an earlier commit is visible.
   */
  async #ifOver(key: string, reservation: Reservation, signal: AbortSignal): Promise<Over[]> {
    const { map, lifetimes, reads } = this.#modules
    const version = resolvedIn(reservation, map)
    if (version !== undefined) return [{ reservation, version }]
    if (!lifetimes.isOver(key, reservation)) return []
    const metadata = await reads.metadata(reservation.kind, reservation.name, signal)
    return [{ reservation, version: metadata?.resourceVersion }]
  }

  /** Marks alone are kept longer than any disk map may be behind them. */
  #isQuiet({ key, version, reservations }: Entry): boolean {
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
