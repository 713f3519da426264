import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { profileOf } from '../longhorn/releases.ts'
import { type Claim, claimsOf, mayBeAnyDisk, merged } from './claims.ts'
import type { ReservedEntry } from './reservation-book.ts'
import type { PlacedReservation, Reserver } from './reserve.ts'
import type { TakeBack } from './take-back.ts'
import type { Asked, Objection } from './verdict.ts'

/** The parts that reserving ahead needs. */
interface ReservedAheadModules {
  readonly map: DiskMapView
  readonly reserver: Pick<Reserver, 'reserve'>
  readonly takeBack: Pick<TakeBack, 'unusedLater'>
}

/** Reservations that were made while the change waited, and the claims that they are for. */
export interface MadeAhead {
  readonly claims: readonly Claim[]
  readonly placed: readonly PlacedReservation[]
  readonly entries: readonly ReservedEntry[]
}

const nothing: MadeAhead = { claims: [], placed: [], entries: [] }

/**
 * The reservations of an eviction that waits for clean-ups. It reserves while it waits, so its answer needs no write once
 * they have ended: many that wait for one write of status are answered at once. A clean-up that comes later waits in turn.
 *
 * The order of the protocol is the same: what is confirmed afterwards is at least as new as the reservation. Nothing that
 * conflicts can be admitted in between. The reservation leaves the book early only once the node is newer than in the
 * review, and then the API server asks again.
 */
export class ReservedAhead {
  readonly #asked: Asked
  readonly #modules: ReservedAheadModules
  readonly #signal: AbortSignal
  #making: Promise<MadeAhead> | undefined

  /** @param signal ends the requests to the cluster */
  constructor(asked: Asked, modules: ReservedAheadModules, signal: AbortSignal) {
    this.#asked = asked
    this.#modules = modules
    this.#signal = signal
  }

  /** The change waits for these by the disk map: reserves, unless it has, or something else stands in the way too. */
  begin(objections: readonly Objection[]): void {
    if (this.#making || !isUseful(this.#asked, objections)) return
    const { acts, policy } = this.#asked
    const { map } = this.#modules
    const claims = merged(claimsOf(acts, map, profileOf(policy.release ?? map.release)))
    if (!isForOwnNode(claims)) return
    const making = this.#reserve(claims).then((made) => {
      // Something conflicts for now; at the next wait it may be gone.
      if (made === nothing && this.#making === making) this.#making = undefined
      return made
    })
    this.#making = making
  }

  /** What was reserved, once it is known. It belongs to the caller from now on. */
  async take(): Promise<MadeAhead> {
    const making = this.#making
    this.#making = undefined
    return (await making) ?? nothing
  }

  /** Gives back what nobody took. The answer does not wait for it. */
  over(): void {
    if (this.#making) this.#modules.takeBack.unusedLater(this.take().then(({ placed }) => placed))
  }

  /** Never rejects, as reserving never does. */
  async #reserve(claims: readonly Claim[]): Promise<MadeAhead> {
    const { reserver, takeBack } = this.#modules
    const placed: PlacedReservation[] = []
    const reserved = await reserver.reserve(this.#asked, claims, placed, this.#signal)
    if (reserved.outcome === 'reserved') return { claims, placed, entries: reserved.entries }
    // The attempt after the wait meets the same obstacle, and reports it.
    takeBack.unusedLater(Promise.resolve(placed))
    return nothing
  }
}

/**
 * True for an eviction that only clean-ups keep waiting, which end by themselves. A proxy has too little time to pass a
 * write on after its reservation.
 */
function isUseful({ acts, change }: Asked, objections: readonly Objection[]): boolean {
  return (
    change.request.door === 'webhook' &&
    acts.every(({ act }) => act === 'eviction') &&
    objections.every(({ rule }) => rule === 'eviction-during-cleanup')
  )
}

/**
 * False where it would keep other nodes waiting too, since the eviction counts on copies there. False also for a disk that may
 * be any: it looks at the Leases of dead nodes, and has to do so right before it is confirmed.
 */
function isForOwnNode(claims: readonly Claim[]): boolean {
  return !mayBeAnyDisk(claims) && claims.every(({ intent }) => intent !== 'keep')
}
