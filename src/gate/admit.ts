import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { DiskMap } from '../disk-map/disk-map.ts'
import { type Profile, profileOf } from '../longhorn/releases.ts'
import type { Change } from '../rules/change.ts'
import { enforcesAnything, isImpatient, type Policy } from '../rules/policy.ts'
import { type Clock, lateAfter, onAbort } from '../time/clock.ts'
import {
  allow,
  type Asked,
  judgeAsked,
  type Objection,
  type Unavailability,
  unavailable,
  type Verdict,
  type Warning,
} from './verdict.ts'
import { type Claim, claimsOf, mayBeAnyDisk, merged, uncovered, writeLock } from './claims.ts'
import { confirm, needsConfirmation } from './confirm.ts'
import { type Attempt, attemptOf, heldBy } from './attempt.ts'
import type { ChangeBus } from './change-bus.ts'
import type { Holds } from './hold.ts'
import { isFreshEnough, isKnownObject, isUnproved, nodesWillDo, ownMapWillDo, staleFor } from './own-map.ts'
import type { MapFreshness, QuorumReads, WaitBudget } from './ports.ts'
import type { ReservationBook, ReservedEntry } from './reservation-book.ts'
import type { PlacedReservation, Reserver } from './reserve.ts'
import { ReplicasAhead } from './replicas-ahead.ts'
import type { TakeBack } from './take-back.ts'
import type { RepeatedDenials } from './repeated-denials.ts'
import { type MadeAhead, ReservedAhead } from './reserved-ahead.ts'
import type { Waiting, WaitingList } from './waiting-list.ts'
import { WholeLists } from './whole-lists.ts'

/** The parts that admitting needs. */
export interface AdmissionModules {
  readonly map: DiskMap
  readonly freshness: MapFreshness
  readonly reads: QuorumReads
  readonly clock: Clock
  readonly book: ReservationBook
  readonly changes: ChangeBus
  readonly holds: Holds
  /** Lists the changes that wait. */
  readonly waiting: WaitingList
  readonly denials: RepeatedDenials
  readonly reserver: Reserver
  readonly takeBack: TakeBack
  /** Called with errors of the cluster; the change is then not admitted. */
  readonly onProblem: (what: Unavailability | 'not-released', error: unknown) => void
}

/** Options of admitting. */
export interface AdmissionOptions {
  readonly policy: Policy
  /** The maximum age of the disk map for allowing an arming change, in milliseconds. */
  readonly maxAgeMs: number
  /** How long after its reservation a proxy may still forward a write, in milliseconds. */
  readonly passOnMs: number
}

/** A change that passes on the disk map, and has to be reserved and confirmed. */
interface Candidate {
  readonly claims: readonly Claim[]
  readonly warnings: readonly Warning[]
  /** With the release that it was judged for, since reads past the map have none. */
  readonly policy: Policy
  readonly profile: Profile
}

/**
 * How often the claims may grow because a read differs from the disk map. Each round knows more. A cluster
 * that changes faster than it can be read is not safe for any admission.
 */
const maxRounds = 4

/** Admits a change of concern: judges it, reserves, confirms, and holds it as long as it has to wait. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #modules: AdmissionModules
  readonly #whole: WholeLists
  /** How many creations without proof are being secured (known-object.ts). */
  #creating = 0

  constructor(options: AdmissionOptions, modules: AdmissionModules) {
    this.#options = options
    this.#modules = modules
    this.#whole = new WholeLists(modules.changes)
  }

  /** The way of a change (docs/architecture.md): judge; reserve and confirm; hold, and begin again. */
  async admit(asked: Asked, wait: WaitBudget): Promise<Attempt> {
    const attempt = await this.#admit(asked, wait)
    const waited = this.#modules.waiting.decided(asked, attempt.verdict)
    return waited ? { ...attempt, waited } : attempt
  }

  async #admit(asked: Asked, wait: WaitBudget): Promise<Attempt> {
    const waits = this.#mayBeHeld(asked.change, wait.mayHold)
    // 1. Judge on the disk map. A refused change, and one without a reservation, needs no I/O.
    let judged: Attempt | Candidate | undefined = this.#judge(asked)
    if ('verdict' in judged && !(waits && judged.verdict.decision === 'hold')) return judged
    const asking = new AbortController()
    const giveUp = (): void => asking.abort(new Error('the time for a decision is up'))
    const cancel = this.#modules.clock.setTimer(wait.budgetMs, giveUp)
    const forget = onAbort(wait.signal, giveUp)
    const ahead = new ReservedAhead(asked, this.#modules, asking.signal)
    let waitsByMap = false
    const attempt = async (): Promise<Attempt> => {
      const first = judged ?? this.#judge(asked)
      judged = undefined
      waitsByMap = 'verdict' in first
      // 2. Reserve, and 3. confirm: judge once more, on fresh data that the other side may have changed.
      return 'verdict' in first ? first : await this.#secure(asked, first, await ahead.take(), asking.signal)
    }
    // Most changes never wait, so nothing is kept of them.
    let waiting: Waiting | undefined
    const holder = {
      caller: asked.change.request.actor.username,
      mayWait: () => this.#mayTakePlace(asked.change, asking.signal),
      waits: (objections: readonly Objection[], until: number) => {
        waiting ??= this.#modules.waiting.follow(asked)
        waiting.waits(objections, until)
        // One that waits for another reservation would meet it again.
        if (waitsByMap) ahead.begin(objections)
      },
    }
    try {
      // 4. Hold: start again whenever the obstacle may be gone.
      const decided = await this.#modules.holds.retryUntil(
        attempt,
        { ...wait, budgetMs: waits ? wait.budgetMs : 0 },
        holder,
      )
      const waited = waiting?.over(decided.verdict, wait.signal.aborted)
      return waited ? { ...decided, waited } : decided
    } finally {
      cancel()
      forget()
      ahead.over()
      // Nobody needs the answer to what is still under way.
      giveUp()
      waiting?.over(undefined, wait.signal.aborted)
    }
  }

  /**
   * Waiting would block a worker of Longhorn's controllers, or hang a button of its UI (longhorn.md §3). A
   * dry run changes nothing, so there is nothing to hold.
   */
  #mayBeHeld({ request }: Change, mayHold = true): boolean {
    return mayHold && !request.dryRun && !isImpatient(request.actor, this.#options.policy)
  }

  /** The denial that this change has just got and would get again; undefined if it has to be decided. */
  repeated(change: Change): Verdict | undefined {
    const { denials, freshness } = this.#modules
    const verdict = freshness.synced ? denials.find(change) : undefined
    // A change that may wait gets no denial from memory, since the wait could end well.
    const isHeld = verdict?.decision === 'hold' && this.#mayBeHeld(change)
    return isHeld ? undefined : verdict
  }

  /**
   * 1. Judges on the disk map, without I/O.
   */
  #judge(asked: Asked): Attempt | Candidate {
    const { map, freshness, clock, denials } = this.#modules
    const { acts, arming, change } = asked
    // An incomplete map can be wrong in both directions.
    if (arming && !freshness.synced) return this.#unavailable(asked, 'disk-map-not-synced', [])
    const verdict = judgeAsked(asked, { map, policy: asked.policy, clock })
    if (verdict.decision !== 'allow') {
      denials.keep(change, verdict)
      return attemptOf(verdict, map)
    }
    if (!arming) return attemptOf(verdict, map)
    const { warnings } = verdict
    const doubt = this.#doubt()
    if (doubt) return this.#unavailable(asked, doubt, warnings)
    // If the whole guard only warns, it writes nothing either.
    if (!enforcesAnything(this.#options.policy)) return attemptOf(verdict, map)
    const release = asked.policy.release ?? map.release
    const profile = profileOf(release)
    const claims = [...claimsOf(acts, map, profile), ...writeLock(change)]
    if (claims.length === 0 && !needsConfirmation(acts, profile))
      return attemptOf(allow(asked, warnings), map)
    return { claims: merged(claims), warnings, policy: { ...asked.policy, release }, profile }
  }

  /** Why the map cannot be trusted for an admission. Its objections are at worst too careful. */
  #doubt(): Unavailability | undefined {
    const { freshness } = this.#modules
    if (freshness.unreadable.length > 0) return 'disk-map-incomplete'
    return freshness.ageMs() > this.#options.maxAgeMs ? 'disk-map-too-old' : undefined
  }

  /**
   * 2. Reserves, then 3. confirms. Without an admission it releases everything, if the cluster can be
   * reached.
   *
   * @param ahead was reserved before
   * @param signal ends the requests to the cluster
   */
  async #secure(asked: Asked, candidate: Candidate, ahead: MadeAhead, signal: AbortSignal): Promise<Attempt> {
    const { change } = asked
    const placed = [...ahead.placed]
    const creating = isUnproved(change) ? 1 : 0
    this.#creating += creating
    try {
      const isLate = lateAfter(this.#options.passOnMs, this.#modules.clock)
      const attempt = await this.#reserveAndConfirm(asked, candidate, { ...ahead, placed }, signal)
      if (attempt.verdict.decision === 'allow')
        return { ...attempt, release: () => this.#modules.takeBack.answered(placed, change), isLate }
      await this.#modules.takeBack.unused(placed)
      return attempt
    } finally {
      this.#creating -= creating
    }
  }

  async #reserveAndConfirm(
    asked: Asked,
    { claims: first, warnings, policy, profile }: Candidate,
    { placed, ...ahead }: MadeAhead & { readonly placed: PlacedReservation[] },
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { map, clock, reserver } = this.#modules
    let [claims, missing] = [first, uncovered(first, ahead.claims)]
    const entries = [...ahead.entries]
    // Before any other read or reservation, also for a dry run and for a change without claims.
    const known = await this.#isKnown(asked.change, signal)
    if (known instanceof Error) return this.#failed(asked, 'not-confirmed', known, warnings)
    if (!known) return this.#unavailable(asked, 'object-not-known', warnings)
    for (let round = 0; round < maxRounds; round++) {
      const replicas = new ReplicasAhead(asked.change, asked.acts, this.#modules, signal)
      const reserved = await reserver.reserve(asked, missing, placed, signal, () => replicas.begin())
      if (reserved.outcome === 'conflict') return heldBy(reserved.conflict, asked.change, warnings, map)
      if (reserved.outcome === 'failed')
        return this.#failed(asked, 'reservations-unreachable', reserved.error, warnings)
      entries.push(...reserved.entries)
      const confirmed = await this.#confirm(asked, claims, { entries, replicas }, signal)
      if (confirmed instanceof Error) return this.#failed(asked, 'not-confirmed', confirmed, warnings)
      const fresh = confirmed()
      const verdict = judgeAsked(asked, { map: fresh, policy, clock })
      if (verdict.decision !== 'allow') return attemptOf(verdict, map)
      const wanted = claimsOf(asked.acts, fresh, profile)
      missing = uncovered(wanted, claims)
      if (missing.length === 0) return attemptOf(allow(asked, warnings), map)
      claims = merged([...claims, ...wanted])
    }
    return this.#unavailable(asked, 'not-confirmed', warnings)
  }

  /** The data for judging a change after its reservation: the disk map if it is fresh enough, else a read. */
  async #confirm(
    { change, acts }: Asked,
    claims: readonly Claim[],
    { entries, replicas }: { readonly entries: readonly ReservedEntry[]; readonly replicas: ReplicasAhead },
    signal: AbortSignal,
  ): Promise<(() => DiskMapView) | Error> {
    return await orError(async () => {
      const stale = staleFor(acts, this.#modules, this.#options.policy)
      const mayDo = isFreshEnough(stale) && !mayBeAnyDisk(claims)
      if (mayDo && (await ownMapWillDo(acts, entries, this.#modules, signal))) return () => this.#modules.map
      const everyNode = !nodesWillDo(entries, this.#modules)
      const modules = { ...this.#modules, replicas, everyNode, whole: this.#whole, stale }
      return await confirm(change, acts, claims, modules, signal)
    })
  }

  async #isKnown(change: Change, signal: AbortSignal): Promise<boolean | Error> {
    // The creation counts as one that is being secured.
    const creating = this.#creating - 1
    return await orError(() => isKnownObject(change, { ...this.#modules, creating }, signal))
  }

  /** True for a change that may wait: a forged review must not take the place of another. */
  async #mayTakePlace(change: Change, signal: AbortSignal): Promise<boolean> {
    return !isUnproved(change) && (await this.#isKnown(change, signal)) === true
  }

  #failed(asked: Asked, why: Unavailability, error: unknown, warnings: readonly Warning[]): Attempt {
    this.#modules.onProblem(why, error)
    return this.#unavailable(asked, why, warnings)
  }

  #unavailable(asked: Asked, why: Unavailability, warnings: readonly Warning[]): Attempt {
    return attemptOf(unavailable(asked, why, warnings), this.#modules.map)
  }
}

async function orError<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
