import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/metadata.ts'
import type { Act } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import type { Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import { type Claim, isProxied } from './claims.ts'
import type { Edit, PageQueue } from './page-queue.ts'
import type { QuorumReads } from './ports.ts'
import {
  keepsMarks,
  type Lifetimes,
  type Over,
  type Page,
  type ReservationBook,
  type ReservedPage,
  settledOn,
  toBeginWith,
  withoutOver,
} from './reservation-book.ts'
import {
  conflict,
  isSameClaim,
  isSameObject,
  lastsMs,
  type Reservation,
  stampOf,
  union,
} from './reservation.ts'

/** What reserving works with. */
export interface ReserverModules {
  readonly book: ReservationBook
  readonly queue: PageQueue
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly lifetimes: Lifetimes
  /** Why nothing can be written in the book now, for people; undefined if it can. Absent for a book of one's own. */
  readonly doubt?: () => string | undefined
  /** False for a conflict that may come true, since its rule is not enforced. */
  readonly stands: (conflict: Conflict, asked: Reserving) => boolean
}

/** What the operator decides about reservations. */
export interface ReserverOptions {
  /** The name of this replica, for people who read the book. */
  readonly replica: string
  /** Made at random, once for each process: tells its reservations from those of all others, whatever their names. */
  readonly process: string
  /**
   * How long the API server may take to commit a write that was admitted, in milliseconds: its request timeout and
   * some slack.
   */
  readonly commitMs: number
}

/** Another change stands against a claim, and may be committed at any moment. */
export interface Conflict {
  readonly claim: Claim
  readonly reservation: Reservation
  /** When it ends at the latest, by {@link Clock.monotonic}. */
  readonly until: number
  /** When it was met, by the same clock. */
  readonly metAt: number
}

/** A change for which something is reserved, and the policy that counts for it. */
interface Reserving {
  readonly change: Change
  readonly acts: readonly Act[]
  readonly policy: Policy
}

/** A reservation that was made, or may have been. */
export interface PlacedReservation {
  readonly key: string
  /** The page it was made on; undefined if nobody knows whether it was. */
  readonly page: Page | undefined
  readonly made: Reservation
  /** The one of the same object and intent that it took the place of. */
  readonly displaced: Reservation | undefined
}

/**
 * What became of an attempt to reserve: the pages that were claimed, as they are then (for a dry run, as they would be), or
 * what came between.
 */
type Reserved =
  | { readonly outcome: 'reserved'; readonly pages: readonly ReservedPage[] }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  | { readonly outcome: 'failed'; readonly error: unknown }

/** What is to be done about a page: nothing, since something stands in the way, or these reservations are to be made. */
type Drafted = { readonly met: Conflict } | { readonly met?: never; readonly drafts: readonly Draft[] }

type Draft = Pick<PlacedReservation, 'made' | 'displaced'>

/** Makes reservations for changes. */
export class Reserver {
  readonly #options: ReserverOptions
  readonly #modules: ReserverModules
  #stamps = 0

  constructor(options: ReserverOptions, modules: ReserverModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Reserves what a change claims, page by page in their order, so that two with several pages in common meet on the
   * first. A dry run only looks.
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
      for (const [key, onPage] of byPage(claims)) {
        const met = asked.change.request.dryRun
          ? await this.#look(key, onPage, asked, pages, signal)
          : await this.#reserveOn(key, onPage, asked, { placed: made, pages }, signal)
        if (!met) continue
        reserved = { outcome: 'conflict', conflict: met }
        break
      }
    } catch (error) {
      reserved = { outcome: 'failed', error }
    }
    placed.push(...made)
    return reserved
  }

  /** Reserves nothing. @throws where a real write could not reserve either */
  async #look(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    pages: ReservedPage[],
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const { book, doubt } = this.#modules
    const stored = book.seen(key) ?? (await book.read(key, signal))
    const { next, result } = await this.#edit(key, claims, asked, signal)(toBeginWith(stored), stored)
    const why = result.met ? undefined : doubt?.()
    if (why !== undefined) throw new Error(why)
    if (keepsMarks(key)) pages.push({ known: stored, page: { ...stored, ...next } })
    return result.met
  }

  async #reserveOn(
    key: string,
    claims: readonly Claim[],
    asked: Reserving,
    { placed, pages }: { readonly placed: PlacedReservation[]; readonly pages: ReservedPage[] },
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const before = placed.length
    const reserve = this.#edit(key, claims, asked, signal)
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

  /** What is over goes, and leaves its marks; what is claimed comes, if nothing stands against it. */
  #edit(key: string, claims: readonly Claim[], asked: Reserving, signal: AbortSignal): Edit<Drafted> {
    const { map, lifetimes } = this.#modules
    const { change } = asked
    return async (contents, stored) => {
      lifetimes.note(stored)
      const over = settledOn(contents, map)
      const ended = new Set(over.map(({ reservation }) => reservation))
      const standing = contents.reservations.filter((each) => !ended.has(each))
      // Of one object's own only another write stands in its way.
      const others = standing.filter(
        (each) => each.intent === 'write' || !isSameObject(each, objectOf(change)),
      )
      const met = await this.#conflict(key, others, claims, asked, signal)
      if (met.conflict) return { result: { met: met.conflict } }
      const rest = withoutOver(key, contents, [...over, ...met.over])
      const drafts = claims.map((claim) => this.#draft(change, claim, rest.reservations))
      const kept = rest.reservations.filter((each) => !drafts.some(({ displaced }) => displaced === each))
      const reservations = [...kept, ...drafts.map(({ made }) => made)]
      return { next: { reservations, settled: rest.settled }, result: { drafts } }
    }
  }

  /** The first that stands against a claim. One whose time is over has to be looked at by a quorum read first. */
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
      // Not all writes of proxies are bound to the version that was judged.
      ...(isProxied(change.request) && { pinned: true }),
    }
    const displaced = standing.find((each) => isSameClaim(each, fresh))
    const now = this.#modules.clock.now()
    return { made: displaced ? both(fresh, displaced, now) : fresh, displaced }
  }
}

/** The object of a change, in the version that was reviewed. */
function objectOf(change: Change): Pick<Reservation, 'kind' | 'name' | 'uid' | 'resourceVersion'> {
  const { name, uid } = (change.before ?? change.after).metadata
  // What is to be created has no version, whatever a review says.
  const resourceVersion = change.before?.metadata.resourceVersion ?? ''
  return { kind: change.kind, name, uid, resourceVersion }
}

/**
 * Covers two admissions of one object and intent: either may be the one that is committed.
 *
 * @param now the time of day
 */
function both(fresh: Reservation, earlier: Reservation, now: number): Reservation {
  const later = isOlder(fresh.resourceVersion, earlier.resourceVersion) ? earlier : fresh
  return {
    ...fresh,
    resourceVersion: later.resourceVersion,
    disks: union([fresh.disks, earlier.disks]),
    deadline: Math.max(fresh.deadline, earlier.deadline),
    lastsMs: Math.max(lastsMs(fresh, now), lastsMs(earlier, now)),
  }
}

function byPage(claims: readonly Claim[]): Map<string, Claim[]> {
  const pages = new Map<string, Claim[]>()
  for (const claim of claims) {
    const onPage = pages.get(claim.page)
    if (onPage) onPage.push(claim)
    else pages.set(claim.page, [claim])
  }
  return pages
}
