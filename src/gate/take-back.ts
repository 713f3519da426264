import { type Change, nameOf } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import type { Edit, EntryQueue } from './entry-queue.ts'
import type { QuorumReads } from './ports.ts'
import { type ReservationBook, withoutOver } from './reservation-book.ts'
import type { Reservation } from './reservation.ts'
import type { PlacedReservation } from './reserve.ts'

/** The parts that releasing needs. */
interface TakeBackModules {
  readonly book: Pick<ReservationBook, 'seen' | 'subscribe'>
  /** The queue that reserves too, so that the two do not make each other fail. */
  readonly queue: EntryQueue
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly clock: Pick<Clock, 'setTimer'>
  readonly onProblem: (error: unknown) => void
}

/** Limit for the release of a reservation, in milliseconds. */
const releaseMs = 5_000

/** Limit for reading the result of its write before that, in milliseconds. */
const outcomeMs = 2_000

/**
 * Releases reservations. One that cannot be released stays until its deadline, and blocks others that long:
 * safe, but reported. It has a separate limit, since the request's time may be over. Never rejects.
 */
export class TakeBack {
  readonly #modules: TakeBackModules
  readonly #released = new Released()
  readonly #running = new Set<Promise<void>>()
  readonly #unsubscribe: () => void
  /** Entries from which a reservation that came back is being removed. */
  readonly #returned = new Set<string>()

  /** Begins to follow the book. */
  constructor(modules: TakeBackModules) {
    this.#modules = modules
    this.#unsubscribe = modules.book.subscribe((key) => this.#onEntry(key))
  }

  /** Stops following the book. Resolves once everything is released that was to be released without a wait. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /**
   * For a change that is not forwarded: restores the reservation that it replaced, since that may still be
   * pending.
   */
  async unused(placed: readonly PlacedReservation[]): Promise<void> {
    if (placed.length === 0) return
    this.#released.add(placed)
    await this.#all(placed, () => Promise.resolve(undefined))
  }

  /** The same for a caller that has no time to wait for it. @param making never rejects */
  unusedLater(making: Promise<readonly PlacedReservation[]>): void {
    this.#run(making.then((placed) => this.unused(placed)))
  }

  /** For a change whose write was answered, or given up: leaves the mark of the result. */
  async answered(placed: readonly PlacedReservation[], change: Change): Promise<void> {
    if (placed.length > 0) await this.#all(placed, () => this.#versionOf(change))
  }

  async #all(placed: readonly PlacedReservation[], find: () => Promise<Answered | undefined>): Promise<void> {
    try {
      const answered = await find()
      await this.#within(releaseMs, async (signal) => {
        // The latest first: it restores an earlier one of the same attempt, which is then released too.
        for (const each of placed.toReversed()) await this.#one(each, answered, signal)
      })
    } catch (error) {
      this.#modules.onProblem(error)
    }
  }

  /**
   * Another replica may have merged a reservation of this process with its own, and restores it later. If this process has
   * released it since, no other process removes it.
   */
  #onEntry(key: string): void {
    const released = this.#releasedOn(this.#modules.book.seen(key)?.reservations ?? [])
    if (released.length === 0 || this.#returned.has(key)) return
    this.#returned.add(key)
    this.#run(this.#removeReturned(key).finally(() => this.#returned.delete(key)))
  }

  async #removeReturned(key: string): Promise<void> {
    const edit: Edit<undefined> = ({ reservations, marks }) => {
      const released = this.#releasedOn(reservations)
      const kept = reservations.flatMap((each) =>
        released.includes(each) ? (this.#released.standing(each) ?? []) : each,
      )
      return Promise.resolve({
        ...(released.length > 0 && { next: { reservations: kept, marks } }),
        result: undefined,
      })
    }
    try {
      await this.#within(releaseMs, (signal) => this.#modules.queue.edit(key, edit, { signal }))
    } catch (error) {
      this.#modules.onProblem(error)
    }
  }

  #releasedOn(reservations: readonly Reservation[]): Reservation[] {
    return reservations.filter(({ stamp }) => this.#released.has(stamp))
  }

  #run(work: Promise<void>): void {
    const done = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #one(
    { key, entry, made, displaced }: PlacedReservation,
    answered: Answered | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const edit: Edit<undefined> = (contents) => {
      const own = contents.reservations.find((each) => each.stamp === made.stamp)
      if (!own) return Promise.resolve({ result: undefined })
      const over = answered ? [{ reservation: own, version: answered.version }] : []
      const { marks } = answered ? withoutOver(key, contents, over) : contents
      const reservations = contents.reservations.flatMap((each) =>
        each.stamp === made.stamp ? (this.#released.standing(displaced) ?? []) : each,
      )
      return Promise.resolve({ next: { reservations, marks }, result: undefined })
    }
    // This replica sees its own reservations, and all later ones.
    await this.#modules.queue.edit(key, edit, { signal, fresh: entry === undefined })
  }

  /**
   * A read past the disk map, once the write was answered: the version that shows the result. If it cannot be
   * read the entry is left without marks, and evictions there read lists.
   */
  async #versionOf(change: Change): Promise<Answered> {
    const { reads } = this.#modules
    const read = this.#within(outcomeMs, (signal) => reads.metadata(change.kind, nameOf(change), signal))
    const metadata = await read.catch(() => undefined)
    return { version: metadata?.resourceVersion }
  }

  async #within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController()
    const cancel = this.#modules.clock.setTimer(ms, () =>
      late.abort(new Error('a reservation could not be released')),
    )
    try {
      return await work(late.signal)
    } finally {
      cancel()
    }
  }
}

/** The version of the object, read after the write was answered. */
interface Answered {
  readonly version: string | undefined
}

/** The maximum of remembered ones. An earlier one may be restored, which errs on the safe side. */
export const mostReleased = 256

/**
 * The reservations that this process released recently, of changes that were not forwarded. Another review of
 * the same object and intent may have replaced one, and must not restore it.
 */
export class Released {
  /** By stamp, the reservation that each had replaced: it may still be pending. */
  readonly #displaced = new Map<string, Reservation | undefined>()

  add(entries: readonly Pick<PlacedReservation, 'made' | 'displaced'>[]): void {
    for (const { made, displaced } of entries) this.#displaced.set(made.stamp, displaced)
    if (this.#displaced.size <= mostReleased) return
    for (const stamp of [...this.#displaced.keys()].slice(0, -mostReleased)) this.#displaced.delete(stamp)
  }

  /** True if the reservation with this stamp was released. */
  has(stamp: string): boolean {
    return this.#displaced.has(stamp)
  }

  /** The one to restore instead of this; undefined if none is. */
  standing(displaced: Reservation | undefined): Reservation | undefined {
    let each = displaced
    while (each && this.#displaced.has(each.stamp)) each = this.#displaced.get(each.stamp)
    return each
  }
}
