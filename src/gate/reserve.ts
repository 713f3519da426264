import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/resource-version.ts'
import type { Change } from '../rules/change.ts'
import type { Claim } from './claims.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { Clock, QuorumReads } from './ports.ts'
import { PageQueue } from './page-queue.ts'
import {
  conflict,
  isSameClaim,
  isSameObject,
  lastsMs,
  stampOf,
  union,
  type Reservation,
} from './reservation.ts'
import type { Page, ReservationBook } from './reservation-book.ts'
import { isSettled } from './settled.ts'
import { isProxied } from './turn.ts'

/** What reserving works with. */
export interface ReserverModules {
  readonly book: ReservationBook
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly clock: Pick<Clock, 'now'>
  readonly lifetimes: Lifetimes
  /** False for a conflict that may come true, since its rule is not enforced. */
  readonly stands: (conflict: Conflict, change: Change) => boolean
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
}

/** A reservation that was made, or may have been. */
export interface Entry {
  readonly key: string
  /** The page it was made on; undefined if nobody knows whether it was. */
  readonly page: Page | undefined
  readonly made: Reservation
  /** The one of the same object and intent that it took the place of. */
  readonly displaced: Reservation | undefined
}

/** What became of an attempt to reserve. Nothing is left of one that ended in a conflict or failed. */
export type Reserved =
  | { readonly outcome: 'reserved'; readonly entries: readonly Entry[] }
  | { readonly outcome: 'conflict'; readonly conflict: Conflict; readonly entries: readonly Entry[] }
  | { readonly outcome: 'failed'; readonly error: unknown; readonly entries: readonly Entry[] }

/** Makes reservations for changes, and takes them back. */
export class Reserver {
  readonly #options: ReserverOptions
  readonly #modules: ReserverModules
  readonly #queue = new PageQueue()
  #stamps = 0

  constructor(options: ReserverOptions, modules: ReserverModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Reserves what a change claims, page by page in their order, so that two with several pages in common meet on the
   * first. A dry run only looks. Whatever the outcome, `entries` are for the caller to release.
   */
  async reserve(change: Change, claims: readonly Claim[], signal: AbortSignal): Promise<Reserved> {
    const entries: Entry[] = []
    try {
      for (const [key, onPage] of byPage(claims)) {
        const reserve = () => this.#reserveOn(key, onPage, change, entries, signal)
        // Who only looks swaps nothing.
        const met = await (change.request.dryRun ? reserve() : this.#queue.run(key, reserve, signal))
        if (met) return { outcome: 'conflict', conflict: met, entries }
      }
      return { outcome: 'reserved', entries }
    } catch (error) {
      return { outcome: 'failed', error, entries }
    }
  }

  /**
   * Takes back what was made, and puts back what it took the place of: that change may still be on its way.
   *
   * @throws when the book cannot be had, or the signal's reason; the rest then stands until its deadline
   */
  async release(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    for (const entry of entries) await this.#queue.run(entry.key, () => this.#release(entry, signal), signal)
  }

  async #release({ key, page: known, made, displaced }: Entry, signal: AbortSignal): Promise<void> {
    const { book } = this.#modules
    // What was made by this replica is seen by it, and what came after as well.
    const seen = known && (book.seen(key) ?? known)
    for (let page = seen ?? (await book.read(key, signal)); ; page = await book.read(key, signal)) {
      const next = page.reservations.flatMap((each) => (each.stamp === made.stamp ? (displaced ?? []) : each))
      const isOut =
        next.length === page.reservations.length && next.every((each, at) => each === page.reservations[at])
      if (isOut || (await book.swap(page, next, signal))) return
    }
  }

  async #reserveOn(
    key: string,
    claims: readonly Claim[],
    change: Change,
    entries: Entry[],
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const { book } = this.#modules
    for (let page = book.seen(key) ?? (await book.read(key, signal)); ; page = await book.read(key, signal)) {
      const standing = page.reservations.filter((each) => !isSettled(each, this.#modules.map))
      // Of one object's own only another write stands in its way.
      const others = standing.filter(
        (each) => each.intent === 'write' || !isSameObject(each, objectOf(change)),
      )
      this.#modules.lifetimes.note(page)
      const met = await this.#conflict(key, others, claims, change, signal)
      if (met) return met
      if (change.request.dryRun) return undefined
      const drafts = claims.map((claim) => this.#draft(change, claim, standing))
      const kept = standing.filter((each) => !drafts.some(({ displaced }) => displaced === each))
      const made = drafts.map((draft) => draft.made)
      const before = entries.length
      // Until the answer comes nobody knows whether it was done.
      for (const draft of drafts) entries.push({ key, page: undefined, ...draft })
      const swapped = await book.swap(page, [...kept, ...made], signal)
      entries.length = before
      if (!swapped) continue
      for (const draft of drafts) entries.push({ key, page: swapped, ...draft })
      return undefined
    }
  }

  /** The first that stands against a claim. One whose time is over has to be looked at by a quorum read first. */
  async #conflict(
    key: string,
    standing: readonly Reservation[],
    claims: readonly Claim[],
    change: Change,
    signal: AbortSignal,
  ): Promise<Conflict | undefined> {
    const { lifetimes, reads, stands } = this.#modules
    for (const reservation of standing) {
      const until = lifetimes.endOf(key, reservation)
      const claim = claims.find(
        (each) => conflict(each, reservation) && stands({ claim: each, reservation, until }, change),
      )
      if (!claim) continue
      if (!lifetimes.isOver(key, reservation)) return { claim, reservation, until }
      await reads.metadata(reservation.kind, reservation.name, signal)
    }
    return undefined
  }

  #draft(change: Change, { intent, disks }: Claim, standing: readonly Reservation[]) {
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
    return { made: displaced ? both(fresh, displaced) : fresh, displaced }
  }
}

/** The object of a change, in the version that was reviewed. */
function objectOf(change: Change): Pick<Reservation, 'kind' | 'name' | 'uid' | 'resourceVersion'> {
  const { name, uid, resourceVersion } = (change.before ?? change.after).metadata
  return { kind: change.kind, name, uid, resourceVersion }
}

/** Covers two admissions of one object and intent: either may be the one that is committed. */
function both(fresh: Reservation, earlier: Reservation): Reservation {
  const later = isOlder(fresh.resourceVersion, earlier.resourceVersion) ? earlier : fresh
  return {
    ...fresh,
    resourceVersion: later.resourceVersion,
    disks: union(fresh.disks, earlier.disks),
    deadline: Math.max(fresh.deadline, earlier.deadline),
    lastsMs: Math.max(lastsMs(fresh), lastsMs(earlier)),
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
