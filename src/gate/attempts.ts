import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { profileOf, type Profile } from '../longhorn/profile.ts'
import { actsOf, passesByMark, type Act, type Mark } from '../rules/acts.ts'
import { nameOf, type Change } from '../rules/change.ts'
import { judge } from '../rules/judge.ts'
import { enforcesAnything, overrideOf, policyFor } from '../rules/override.ts'
import type { Policy } from '../rules/policy.ts'
import type { Moment } from '../rules/rule.ts'
import type { Changes } from './changes.ts'
import { claimsOf, merged, uncovered, type Claim } from './claims.ts'
import { confirm, needsConfirmation } from './confirm.ts'
import { findingOf } from './conflict-finding.ts'
import type { Attempt } from './holds.ts'
import { isKnownObject, isUnproved } from './known-object.ts'
import type { Clock, Knowledge, QuorumReads } from './ports.ts'
import { nodesWillDo, ownMapWillDo, type ReservedPage } from './own-map.ts'
import type { ReservationBook } from './reservation-book.ts'
import type { Conflict, Entry, Reserver } from './reserve.ts'
import { isFreshEnough, staleFor } from './stale.ts'
import { turnOf } from './turn.ts'
import { whatEnds, whatEndsConflict } from './what-ends-holds.ts'
import { verdictOn, type Unavailability, type Verdict, type Warning } from './verdict.ts'

/** What an attempt works with. */
export interface AttemptModules {
  readonly map: DiskMapView
  readonly knowledge: Knowledge
  readonly reads: QuorumReads
  readonly reserver: Reserver
  readonly clock: Clock
  readonly book: ReservationBook
  readonly changes: Changes
  /** Told of what went wrong with the cluster; the change is then not admitted. */
  readonly onProblem: (what: Unavailability | 'not-released', error: unknown) => void
}

/** What the operator decides about attempts. */
export interface AttemptOptions {
  readonly policy: Policy
  /** How old the disk map may be to admit an arming change, in milliseconds. */
  readonly maxAgeMs: number
  /** How long after it was reserved a write may still be passed on by a proxy, in milliseconds. */
  readonly passOnMs: number
}

/**
 * So often the claims may grow because what was read differs from the disk map. Each time more is known; a cluster
 * that changes faster than it can be read is not one to admit anything on.
 */
const maxRounds = 4

/** How long taking back a reservation may take, in milliseconds. */
const releaseMs = 5_000

/** How long reading what became of its write may take before that, in milliseconds. */
const outcomeMs = 2_000

/** Attempts to admit changes: judged on the disk map, then reserved, then confirmed. */
export class Attempts {
  readonly #options: AttemptOptions
  readonly #modules: AttemptModules
  /** How many creations that nothing proves are being secured (known-object.ts). */
  #creating = 0

  constructor(options: AttemptOptions, modules: AttemptModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Judges on what is known, without asking anybody.
   *
   * @returns undefined if nothing stands against the change, which then has to be secured
   */
  judge(change: Change): Attempt | undefined {
    const { map, knowledge, clock } = this.#modules
    const acts = actsOf(change)
    if (acts.length === 0) return passing(passesByMark(change))
    const arming = acts.some(({ act }) => act !== 'flags-cleared')
    // A half-read map could refuse wrongly as well as allow wrongly.
    if (arming && !knowledge.synced) return this.#unavailable(change, 'disk-map-not-synced', [])
    const policy = policyFor(change, this.#options.policy)
    const verdict = verdictOn(judge(change, map, policy, momentOf(clock)))
    if (verdict.decision !== 'allow' || !arming) return attemptOf(verdict, map)
    const doubt = this.#doubt()
    if (doubt) return this.#unavailable(change, doubt, verdict.warnings)
    // Where the whole guard only watches, nothing is written either.
    if (!enforcesAnything(this.#options.policy)) return attemptOf(verdict, map)
    const profile = this.#profile()
    const claims = [...claimsOf(acts, map, profile), ...turnOf(change)]
    const alone = claims.length === 0 && !needsConfirmation(acts, profile)
    return alone ? attemptOf(this.#allowed(change, verdict.warnings), map) : undefined
  }

  /**
   * Attempts once, with all that it takes. Without an admission nothing stays reserved, as far as the cluster can be
   * reached.
   *
   * @param signal ends what is asked of the cluster
   */
  async attempt(change: Change, signal: AbortSignal): Promise<Attempt> {
    return this.judge(change) ?? (await this.#secure(change, signal))
  }

  /** Why the map cannot vouch for what it would allow. What it objects to is at worst too careful. */
  #doubt(): Unavailability | undefined {
    const { knowledge } = this.#modules
    if (knowledge.unreadable.length > 0) return 'disk-map-incomplete'
    return knowledge.ageMs() > this.#options.maxAgeMs ? 'disk-map-too-old' : undefined
  }

  #profile(): Profile {
    return profileOf(this.#options.policy.release ?? this.#modules.map.release)
  }

  /** Reserves, then judges again on what is read past the disk map. */
  async #secure(change: Change, signal: AbortSignal): Promise<Attempt> {
    if (!isUnproved(change)) return await this.#secureKnown(change, signal)
    this.#creating += 1
    return await this.#secureKnown(change, signal).finally(() => (this.#creating -= 1))
  }

  async #secureKnown(change: Change, signal: AbortSignal): Promise<Attempt> {
    const entries: Entry[] = []
    const isLate = this.#lateAfter(this.#options.passOnMs)
    const attempt = await this.#reserveAndConfirm(change, entries, signal)
    if (attempt.verdict.decision === 'allow')
      return { ...attempt, release: () => this.#release(entries, change), isLate }
    await this.#release(entries)
    return attempt
  }

  #lateAfter(ms: number): () => boolean {
    const { clock } = this.#modules
    const [counted, wall] = [clock.monotonic(), clock.now()]
    return () => Math.max(clock.monotonic() - counted, clock.now() - wall) > ms
  }

  async #reserveAndConfirm(change: Change, entries: Entry[], signal: AbortSignal): Promise<Attempt> {
    const { map, reserver, clock } = this.#modules
    const softened = policyFor(change, this.#options.policy)
    const policy = { ...softened, release: softened.release ?? map.release }
    const acts = actsOf(change)
    const { warnings } = verdictOn(judge(change, map, policy, momentOf(clock)))
    const profile = this.#profile()
    let claims: readonly Claim[] = merged([...claimsOf(acts, map, profile), ...turnOf(change)])
    let missing = claims
    const pages: ReservedPage[] = []
    // Before anything else is read or reserved for it, of a dry run and of a change without claims too.
    const known = await this.#isKnown(change, signal)
    if (known instanceof Error) return this.#failed(change, 'not-confirmed', known, warnings)
    if (!known) return this.#unavailable(change, 'object-not-known', warnings)
    for (let round = 0; round < maxRounds; round++) {
      const reserved = await reserver.reserve(change, missing, signal)
      entries.push(...reserved.entries)
      if (reserved.outcome === 'conflict') return this.#held(change, reserved.conflict, warnings)
      if (reserved.outcome === 'failed')
        return this.#failed(change, 'reservations-unreachable', reserved.error, warnings)
      pages.push(...reserved.pages)
      const fresh = await this.#confirm(change, acts, claims, pages, signal)
      if (fresh instanceof Error) return this.#failed(change, 'not-confirmed', fresh, warnings)
      const verdict = verdictOn(judge(change, fresh, policy, momentOf(clock)))
      if (verdict.decision !== 'allow') return attemptOf(verdict, map)
      const wanted = claimsOf(acts, fresh, profile)
      missing = uncovered(wanted, claims)
      if (missing.length === 0) return attemptOf(this.#allowed(change, warnings), map)
      claims = merged([...claims, ...wanted])
    }
    return this.#unavailable(change, 'not-confirmed', warnings)
  }

  /** True for a change that may wait: a forged review must not take the place of another. */
  async mayWait(change: Change, signal: AbortSignal): Promise<boolean> {
    return !isUnproved(change) && (await this.#isKnown(change, signal)) === true
  }

  async #isKnown(change: Change, signal: AbortSignal): Promise<boolean | Error> {
    // A creation is one of those that are being secured.
    const creating = this.#creating - 1
    return await orError(() => isKnownObject(change, { ...this.#modules, creating }, signal))
  }

  /** What the change is to be judged on once it has reserved: the disk map where that will do, else what is read. */
  async #confirm(
    change: Change,
    acts: readonly Act[],
    claims: readonly Claim[],
    pages: readonly ReservedPage[],
    signal: AbortSignal,
  ) {
    return await orError(async () => {
      const stale = staleFor(acts, this.#modules, this.#options.policy)
      if (isFreshEnough(stale) && (await ownMapWillDo(acts, pages, this.#modules, signal)))
        return this.#modules.map
      const everyNode = !nodesWillDo(pages, this.#modules)
      return await confirm(change, acts, claims, { ...this.#modules, everyNode, stale }, signal)
    })
  }

  #failed(change: Change, why: Unavailability, error: unknown, warnings: readonly Warning[]): Attempt {
    this.#modules.onProblem(why, error)
    return this.#unavailable(change, why, warnings)
  }

  #allowed(change: Change, warnings: readonly Warning[]): Extract<Verdict, { decision: 'allow' }> {
    const override = overrideOf(change, this.#options.policy)
    if (override.outcome !== 'granted') return { decision: 'allow', warnings }
    return { decision: 'allow', warnings, override: { reason: override.reason } }
  }

  /** What cannot be judged passes only where it would have passed whatever came of judging it. */
  #unavailable(change: Change, why: Unavailability, warnings: readonly Warning[]): Attempt {
    const { map } = this.#modules
    if (enforcesAnything(policyFor(change, this.#options.policy)))
      return attemptOf({ decision: 'unavailable', why, warnings }, map)
    return attemptOf({ ...this.#allowed(change, warnings), unjudged: why }, map)
  }

  /**
   * What could not be taken back stands until its deadline, and holds others up that long: safe, but worth a word.
   * It has its own time, since that of the request may be up.
   */
  async #release(entries: readonly Entry[], answered?: Change): Promise<void> {
    if (entries.length === 0) return
    const { reserver, onProblem } = this.#modules
    try {
      const version = answered && (await this.#versionOf(answered))
      await this.#within(releaseMs, (signal) => reserver.release(entries, signal, version))
    } catch (error) {
      onProblem('not-released', error)
    }
  }

  /**
   * Past the disk map, once the write was answered: what has to be seen to know what became of it. Where that cannot be
   * read the page is left without marks, and whoever evicts there reads lists.
   */
  async #versionOf(change: Change): Promise<{ readonly version: string | undefined }> {
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

  #held(change: Change, conflict: Conflict, warnings: readonly Warning[]): Attempt {
    const objection = findingOf(change, conflict, this.#modules.map)
    return {
      verdict: { decision: 'hold', objections: [objection], warnings },
      wakeOn: whatEndsConflict(conflict),
      wakeAt: conflict.until + 1,
    }
  }
}

function momentOf(clock: Pick<Clock, 'now' | 'monotonic'>): Moment {
  return { now: clock.monotonic(), timeOfDay: clock.now() }
}

const passes: Attempt = {
  verdict: { decision: 'allow', warnings: [] },
  wakeOn: new Set(),
  wakeAt: undefined,
}

function passing(mark: Mark | undefined): Attempt {
  return mark ? { ...passes, verdict: { decision: 'allow', warnings: [], mark } } : passes
}

async function orError<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function attemptOf(verdict: Verdict, map: DiskMapView): Attempt {
  if (verdict.decision !== 'hold') return { verdict, wakeOn: new Set(), wakeAt: undefined }
  const { objections } = verdict
  // Not spread into a call, which takes so many arguments only.
  const first = objections.reduce((soonest, { until }) => Math.min(soonest, until ?? Infinity), Infinity)
  const wakeAt = first === Infinity ? undefined : first
  return { verdict, wakeOn: whatEnds(objections, map), wakeAt }
}
