import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Change } from '../rules/change.ts'
import { type Clock, comesTrue } from '../time/clock.ts'
import { byEntry, type Claim, isProxied } from './claims.ts'
import type { Conflict } from './conflict-finding.ts'
import type { Edit, EntryQueue } from './entry-queue.ts'
import type { QuorumReads } from './ports.ts'
import {
  catchUpMs,
  keepsMarks,
  type Lifetimes,
  type Over,
  type Entry,
  type ReservationBook,
  type ReservedEntry,
  resolvedOn,
  toBeginWith,
  withoutOver,
} from './reservation-book.ts'
import { both, conflict, isSameClaim, isSameObject, type Reservation, stampOf } from './reservation.ts'
import type { Asked } from './verdict.ts'

/** Options of reservations. */
export interface ReserverOptions {
  /** The name of this replica, for people who read the book. */
  readonly replica: string
  /**
   * Random, made once for each process, since two processes may have one name. It distinguishes their
   * reservations.
   */
  readonly process: string
  /**
   * How long the API server may take to commit an admitted write, in milliseconds: its request timeout plus
   * slack.
   */
  readonly commitMs: number
}

/** The parts that reserving needs. */
export interface ReserverModules {
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly book: ReservationBook
  readonly queue: EntryQueue
  readonly lifetimes: Lifetimes
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'setTimer'>
  /**
   * Why the book must not be written now, for people; undefined if it may. Absent for a book of one process.
   */
  readonly doubt?: () => string | undefined
  /** False for a conflict that may happen, since its rule is not enforced. */
  readonly stands: (conflict: Conflict, asked: Reserving) => boolean
}

/** A change that reserves, and its policy. */
type Reserving = Pick<Asked, 'change' | 'acts' | 'policy'>

/** A new reservation for an entry. */
interface Draft {
  readonly made: Reservation
  /** The one of the same object and intent that it replaced. */
  readonly displaced: Reservation | undefined
}

/** The edit of an entry: none, since something conflicts, or these reservations. */
type Drafted = { readonly met: Conflict } | { readonly met?: never; readonly drafts: readonly Draft[] }

/** A reservation that was made, or may have been. */
export interface PlacedReservation extends Draft {
  readonly key: string
  /** The entry with it; undefined if it is unknown whether it was made. */
  readonly entry: Entry | undefined
}

/**
 * The result of an attempt to reserve: the claimed entries in their new state (for a dry run, in the state that
 * would follow), or the obstacle.
 */
type Reserved =
  | { readonly outcome: 'reserved'; readonly entries: readonly ReservedEntry[] }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  | { readonly outcome: 'failed'; readonly error: unknown }

/** The results of reserving so far, and the callback of {@link Reserver.reserve}. */
interface Progress {
  readonly placed: PlacedReservation[]
  readonly entries: ReservedEntry[]
  readonly onWrite?: (() => void) | undefined
}

/** Makes reservations for changes. */
export class Reserver {
  readonly #modules: ReserverModules
  readonly #options: ReserverOptions
  #stamps = 0

  constructor(options: ReserverOptions, modules: ReserverModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Reserves the claims of a change, entry by entry in their order, so that two with several entries in common
   * meet on the first. Then it checks the entries that are only checked. A dry run checks all.
   *
   * @param placed gets the reservations that were made, or may have been: the caller releases them, whatever
   * the result
   * @param onWrite called when nothing conflicts on the last entry, right before its reservations are written
   */
  async reserve(
    asked: Reserving,
    claims: readonly Claim[],
    placed: PlacedReservation[],
    signal: AbortSignal,
    onWrite?: () => void,
  ): Promise<Reserved> {
    const entries: ReservedEntry[] = []
    const made: PlacedReservation[] = []
    let reserved: Reserved = { outcome: 'reserved', entries }
    try {
      const met =
        (await this.#reserveAll(claims, asked, { placed: made, entries, onWrite }, signal)) ??
        (await this.#lookAtAll(claims, asked, { placed: made, entries }, signal))
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
    progress: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const all = [...byEntry(claims.filter(({ looks }) => !looks))]
    for (const [key, onEntry] of all) {
      const onWrite = key === all.at(-1)?.[0] ? progress.onWrite : undefined
      const met = asked.change.request.dryRun
        ? await this.#look(key, onEntry, asked, progress.entries, signal)
        : await this.#reserveOn(key, onEntry, asked, { ...progress, onWrite }, signal)
      if (met) return met
    }
    return undefined
  }

  async #lookAtAll(
    claims: readonly Claim[],
    asked: Reserving,
    { placed, entries }: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const looks = byEntry(claims.filter((claim) => claim.looks))
    if (looks.size === 0) return undefined
    const isWatched = asked.change.request.dryRun || (await this.#haveWatched(placed, signal))
    for (const [key, onEntry] of looks) {
      const met = await this.#look(key, onEntry, asked, entries, signal, !isWatched)
      if (met) return met
    }
    return undefined
  }

  /**
   * True once the watch has brought this change's new reservation: then it has brought every earlier entry
   * too, and none has to be read. False if it does not catch up in time, and without a reservation: then a
   * later read may have caused the check, and earlier reservations may be missing.
   */
  async #haveWatched(placed: readonly PlacedReservation[], signal: AbortSignal): Promise<boolean> {
    const { book, clock } = this.#modules
    const own = placed.map(({ entry }) => entry).filter((entry) => entry !== undefined)
    if (own.length === 0) return false
    const isThere = () => own.every((entry) => book.markedSince(entry) !== undefined)
    return await comesTrue(isThere, book, { clock, limitMs: catchUpMs, signal })
  }

  /** Reserves nothing. @param fresh true to read the entry @throws if a real write could not reserve either */
  async #look(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    entries: ReservedEntry[],
    signal: AbortSignal,
    fresh = false,
  ): Promise<Conflict | undefined> {
    const { book, doubt } = this.#modules
    const seen = fresh ? undefined : book.seen(key)
    const stored = seen ?? (await book.read(key, signal))
    const { next, result } = await this.#edit(key, claims, asked, signal)(toBeginWith(stored), stored)
    const why = result.met ? undefined : doubt?.()
    if (why !== undefined) throw new Error(why)
    // Its absence proves nothing unless the guard watched its removal, and that of its marks.
    const unmarked = !seen && stored.version === undefined ? { marks: undefined } : {}
    if (keepsMarks(key)) entries.push({ known: stored, entry: { ...stored, ...next, ...unmarked } })
    return result.met
  }

  async #reserveOn(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    { placed, entries, onWrite }: Progress,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const before = placed.length
    const reserve = this.#edit(key, claims, asked, signal)
    const edit: Edit<Drafted> = async (contents, stored) => {
      const edited = await reserve(contents, stored)
      placed.length = before
      // Until the answer comes it is unknown whether it was made.
      for (const draft of edited.result.met ? [] : edited.result.drafts)
        placed.push({ key, entry: undefined, ...draft })
      if (!edited.result.met) onWrite?.()
      return edited
    }
    const swapped = await this.#modules.queue.edit(key, edit, { signal })
    placed.length = before
    const { result, entry } = swapped
    if (result.met) return result.met
    for (const draft of result.drafts) placed.push({ key, entry, ...draft })
    if (keepsMarks(key))
      entries.push({ known: swapped.before.version === undefined ? entry : swapped.before, entry })
    return undefined
  }

  /** Removes ended reservations and leaves their marks; adds the claims, unless something conflicts. */
  #edit(key: string, claims: readonly Claim[], asked: Reserving, signal: AbortSignal): Edit<Drafted> {
    const { map, lifetimes } = this.#modules
    const { change } = asked
    return async (contents, stored) => {
      lifetimes.note(stored)
      const over = resolvedOn(contents, map)
      const ended = new Set(over.map(({ reservation }) => reservation))
      const standing = contents.reservations.filter((each) => !ended.has(each))
      // An object's own reservations never block it, except an unfinished proxy write.
      const others = standing.filter(
        (each) => each.intent === 'write' || !isSameObject(each, objectOf(change)),
      )
      const met = await this.#conflict(key, others, claims, asked, signal)
      if (met.conflict) return { result: { met: met.conflict } }
      const rest = withoutOver(key, contents, [...over, ...met.over])
      const drafts = claims.map((claim) => this.#draft(change, claim, rest.reservations))
      const kept = rest.reservations.filter((each) => !drafts.some(({ displaced }) => displaced === each))
      const reservations = [...kept, ...drafts.map(({ made }) => made)]
      return { next: { reservations, marks: rest.marks }, result: { drafts } }
    }
  }

  /** The first reservation that conflicts with a claim. A quorum read has to check an expired one first. */
  async #conflict(
    key: string,
    standing: readonly Reservation[],
    claims: readonly Claim[],
    asked: Reserving,
    signal: AbortSignal,
  ): Promise<
    { readonly conflict: Conflict } | { readonly conflict?: never; readonly over: readonly Over[] }
  > {
    const { lifetimes, reads, stands, clock } = this.#modules
    const metAt = clock.monotonic()
    const over: Over[] = []
    for (const reservation of standing) {
      const until = lifetimes.endOf(key, reservation)
      const claim = claims.find(
        (each) => conflict(each, reservation) && stands({ claim: each, reservation, until, metAt }, asked),
      )
      if (!claim) continue
      if (!lifetimes.isOver(key, reservation)) return { conflict: { claim, reservation, until, metAt } }
      const metadata = await reads.metadata(reservation.kind, reservation.name, signal)
      over.push({ reservation, version: metadata?.resourceVersion })
    }
    return { over }
  }

  #draft(change: Change, { intent, disks }: Claim, standing: readonly Reservation[]): Draft {
    const { replica, process, commitMs } = this.#options
    const fresh: Reservation = {
      ...objectOf(change),
      intent,
      disks,
      deadline: this.#modules.clock.now() + commitMs,
      lastsMs: commitMs,
      by: replica,
      stamp: stampOf(replica, process, ++this.#stamps),
      // Some writes of proxies are not bound to the version that was judged.
      ...(isProxied(change.request) && { pinned: true }),
    }
    const displaced = standing.find((each) => isSameClaim(each, fresh))
    return { made: displaced ? both(fresh, displaced, this.#modules.clock.now()) : fresh, displaced }
  }
}

/** The object of a change, in the reviewed version. */
function objectOf(change: Change): Pick<Reservation, 'kind' | 'name' | 'uid' | 'resourceVersion'> {
  const { name, uid } = (change.before ?? change.after).metadata
  // An object that is created has no version, whatever a review says.
  const resourceVersion = change.before?.metadata.resourceVersion ?? ''
  return { kind: change.kind, name, uid, resourceVersion }
}
