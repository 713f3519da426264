import { type Change, nameOf } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import type { Edit, PageQueue } from './page-queue.ts'
import type { QuorumReads } from './ports.ts'
import { withoutOver } from './reservation-book.ts'
import type { Reservation } from './reservation.ts'
import type { PlacedReservation } from './reserve.ts'

/** What taking back works with. */
interface TakeBackModules {
  /** The same that reserves, so that the two do not make each other fail. */
  readonly queue: PageQueue
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly clock: Pick<Clock, 'setTimer'>
  readonly onProblem: (error: unknown) => void
}

/** How long taking back a reservation may take, in milliseconds. */
const releaseMs = 5_000

/** How long reading what became of its write may take before that, in milliseconds. */
const outcomeMs = 2_000

/**
 * Takes back what was reserved. What cannot be taken back stands until its deadline, and holds others up that long: safe,
 * but worth a word. It has its own time, since that of the request may be up. Never rejects.
 */
export class TakeBack {
  readonly #modules: TakeBackModules
  readonly #released = new Released()

  constructor(modules: TakeBackModules) {
    this.#modules = modules
  }

  /** Of a change that is not passed on: puts back what it took the place of, since that may still be on its way. */
  async unused(placed: readonly PlacedReservation[]): Promise<void> {
    if (placed.length === 0) return
    this.#released.add(placed)
    await this.#all(placed, () => Promise.resolve(undefined))
  }

  /** Of a change whose write was answered, or given up: leaves the mark of what became of it. */
  async answered(placed: readonly PlacedReservation[], change: Change): Promise<void> {
    if (placed.length > 0) await this.#all(placed, () => this.#versionOf(change))
  }

  async #all(placed: readonly PlacedReservation[], find: () => Promise<Answered | undefined>): Promise<void> {
    try {
      const answered = await find()
      await this.#within(releaseMs, async (signal) => {
        // The latest first: it puts back an earlier one of the same attempt, which is then taken back too.
        for (const each of placed.toReversed()) await this.#one(each, answered, signal)
      })
    } catch (error) {
      this.#modules.onProblem(error)
    }
  }

  async #one(
    { key, page, made, displaced }: PlacedReservation,
    answered: Answered | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const edit: Edit<undefined> = (contents) => {
      const own = contents.reservations.find((each) => each.stamp === made.stamp)
      if (!own) return Promise.resolve({ result: undefined })
      const over = answered ? [{ reservation: own, version: answered.version }] : []
      const { settled } = answered ? withoutOver(key, contents, over) : contents
      const reservations = contents.reservations.flatMap((each) =>
        each.stamp === made.stamp ? (this.#released.standing(displaced) ?? []) : each,
      )
      return Promise.resolve({ next: { reservations, settled }, result: undefined })
    }
    // What was made by this replica is seen by it, and what came after as well.
    await this.#modules.queue.edit(key, edit, { signal, fresh: page === undefined })
  }

  /**
   * Past the disk map, once the write was answered: what has to be seen to know what became of it. Where that cannot be
   * read the page is left without marks, and whoever evicts there reads lists.
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

/** So many are remembered. An earlier one may be put back, which is only careful. */
export const mostReleased = 256

/**
 * The reservations that this process took back lately, of changes that were not passed on. Another review of the same
 * object and intent may have displaced one, and must not put it back.
 */
export class Released {
  /** By stamp, what each had displaced itself: that may still be on its way. */
  readonly #displaced = new Map<string, Reservation | undefined>()

  add(entries: readonly Pick<PlacedReservation, 'made' | 'displaced'>[]): void {
    for (const { made, displaced } of entries) this.#displaced.set(made.stamp, displaced)
    if (this.#displaced.size <= mostReleased) return
    for (const stamp of [...this.#displaced.keys()].slice(0, -mostReleased)) this.#displaced.delete(stamp)
  }

  /** The one to put back in place of this; undefined if none is. */
  standing(displaced: Reservation | undefined): Reservation | undefined {
    let each = displaced
    while (each && this.#displaced.has(each.stamp)) each = this.#displaced.get(each.stamp)
    return each
  }
}
