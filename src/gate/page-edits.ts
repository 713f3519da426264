import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Act } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import type { Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import { type Claim, isProxied } from './claims.ts'
import type { Edit } from './page-queue.ts'
import type { QuorumReads } from './ports.ts'
import { type Lifetimes, type Over, settledOn, withoutOver } from './reservation-book.ts'
import { both, conflict, isSameClaim, isSameObject, type Reservation, stampOf } from './reservation.ts'

/** What edits of pages work with. */
export interface PageEditsModules {
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly lifetimes: Lifetimes
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
export interface Reserving {
  readonly change: Change
  readonly acts: readonly Act[]
  readonly policy: Policy
}

/** A reservation that a page is to have. */
export interface Draft {
  readonly made: Reservation
  /** The one of the same object and intent that it took the place of. */
  readonly displaced: Reservation | undefined
}

/** What is to be done about a page: nothing, since something stands in the way, or these reservations are to be made. */
export type Drafted = { readonly met: Conflict } | { readonly met?: never; readonly drafts: readonly Draft[] }

/** What a change makes of a page that it claims. */
export class PageEdits {
  readonly #options: ReserverOptions
  readonly #modules: PageEditsModules
  #stamps = 0

  constructor(options: ReserverOptions, modules: PageEditsModules) {
    this.#options = options
    this.#modules = modules
  }

  /** What is over goes, and leaves its marks; what is claimed comes, if nothing stands against it. */
  of(key: string, claims: readonly Claim[], asked: Reserving, signal: AbortSignal): Edit<Drafted> {
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
