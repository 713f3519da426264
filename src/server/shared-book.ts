import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { type DiskMapView, findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/disk-map-view.ts'
import type { MapFreshness } from '../gate/ports.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import type { ClockSkew } from '../kubernetes/leases/clock-skew.ts'
import { type AnchorState, FollowedAnchor } from '../kubernetes/leases/followed-anchor.ts'
import { OtherBooks } from '../kubernetes/leases/other-books.ts'
import { LeaseBook } from '../kubernetes/leases/reservation-book.ts'
import { ProblemLog } from '../observability/problem-log.ts'
import { systemClock } from '../time/clock.ts'
import { guardNamespace } from './guard-namespace.ts'

/** The parts of the shared book. */
interface SharedBookModules {
  readonly connection: Connection
  readonly log: Logger
  /** Called with the clocks of other replicas. */
  readonly skew?: ClockSkew
}

/**
 * The book of reservations as Leases, as long as it is the one that all doors of the cluster write in. If the
 * anchor names another namespace, it reserves nothing, and so the door allows no arming change.
 */
export class SharedBook {
  readonly book: LeaseBook
  readonly #anchor: FollowedAnchor
  readonly #others: OtherBooks

  /** Begins to read. It does not own the connection. */
  constructor(configuration: Configuration, { connection, log, skew }: SharedBookModules) {
    const namespace = guardNamespace(configuration, connection)
    const { longhornNamespace } = configuration.policy
    const problems = new ProblemLog(log, systemClock)
    this.#anchor = new FollowedAnchor({
      connection,
      longhornNamespace,
      namespace,
      clock: systemClock,
      onState: (state, why) => logState(log, namespace, state, why),
    })
    this.book = new LeaseBook({
      connection: this.#anchor.guarding(connection),
      namespace,
      replica: configuration.replica,
      clock: systemClock,
      onRenewed: (holder, at) => skew?.renewed(holder, at),
      onProblem: (error) => problems.error({ err: error }, 'the book of reservations cannot be read'),
    })
    this.#others = new OtherBooks({
      connection,
      namespace,
      clock: systemClock,
      onOthers: (namespaces) => logOthers(log, namespace, namespaces),
      onProblem: (err) => log.info({ err }, 'Holdfast cannot look for Leases of other guards'),
    })
  }

  /** Whether this is the book that all doors write in. */
  get anchor(): AnchorState {
    return this.#anchor.state
  }

  /** Why the book must not be written now, for people; undefined if it may. */
  get doubt(): string | undefined {
    return this.#anchor.doubt
  }

  /** The number of other namespaces with Leases of a guard; undefined if the search fails. */
  get others(): number | undefined {
    return this.#others.count
  }

  /** Resolves once it is known whether this is the book that all doors write in. @throws the signal's reason */
  async whenKnown(signal: AbortSignal): Promise<void> {
    await this.#anchor.whenKnown(signal)
  }

  /** Resolves when no request is in progress. */
  async stop(): Promise<void> {
    await Promise.all([this.book.stop(), this.#anchor.stop(), this.#others.stop()])
  }
}

function logState(log: Logger, namespace: string, state: AnchorState, why: string | undefined): void {
  const fields = { namespace, anchor: state, ...(why !== undefined && { why }) }
  switch (state) {
    case 'here':
      log.info(fields, 'all guards and proxies keep their Leases in one namespace')
      return
    case 'elsewhere':
      log.error(
        fields,
        'other guards or proxies keep their Leases in another namespace: evictions and clean-ups are denied',
      )
      return
    case 'unknown':
      log.warn(
        fields,
        'the namespace of the Leases of other guards is unknown: evictions and clean-ups are denied',
      )
      return
    case 'forbidden':
      log.warn(
        fields,
        'a right is missing, so Leases of other guards in another namespace would go unnoticed',
      )
  }
}

function logOthers(log: Logger, namespace: string, others: readonly string[]): void {
  if (others.length === 0) log.info({ namespace }, 'the Leases of other guards are gone')
  else log.error({ namespace, others }, 'Leases of a guard are in other namespaces too')
}

/** The conditions under which a replica can judge. */
interface ReadinessModules {
  readonly map: Pick<DiskMapView, 'release' | 'nodes'>
  readonly freshness: Pick<MapFreshness, 'synced' | 'ageMs'>
}

/** The operator's options for it. */
export interface ReadinessOptions {
  readonly longhornNamespace: string
  /** The maximum age of the disk map for allowing an arming change, in milliseconds. */
  readonly maxAgeMs: number
}

/**
 * Why a replica cannot judge, so that a Service should ask another; undefined if it can.
 *
 * @returns sentences for readers of `/readyz`
 */
export function whyUnready(
  { map, freshness }: ReadinessModules,
  { longhornNamespace, maxAgeMs }: ReadinessOptions,
): string | undefined {
  if (!freshness.synced) return 'not all Longhorn objects have been read yet, so dangerous writes are denied.'
  if (freshness.ageMs() > maxAgeMs) {
    return `the API server has sent nothing for ${Math.round(freshness.ageMs() / 1_000)} s, so dangerous writes are denied.`
  }
  if (hasLonghorn(map)) return undefined
  return `${noLonghornIn(longhornNamespace)} ${findLonghorn}`
}
