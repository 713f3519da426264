import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { type DiskMapView, findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/disk-map-view.ts'
import type { Knowledge } from '../gate/ports.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import type { ClockSkew } from '../kubernetes/leases/clock-skew.ts'
import { type AnchorState, FollowedAnchor } from '../kubernetes/leases/followed-anchor.ts'
import { OtherBooks } from '../kubernetes/leases/other-books.ts'
import { LeaseBook } from '../kubernetes/leases/reservation-book.ts'
import { ProblemLog } from '../observability/problem-log.ts'
import { systemClock } from '../time/clock.ts'
import { guardNamespace } from './guard-namespace.ts'

/** What the shared book works with. */
interface SharedBookModules {
  readonly connection: Connection
  readonly log: Logger
  /** Told what the clocks of other replicas show. */
  readonly skew?: ClockSkew
}

/**
 * The book of reservations as Leases, as long as it is the one that all doors of the cluster write in: if the anchor
 * names another namespace, nothing is reserved any more, and so no arming change is admitted.
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
      onProblem: (err) => log.info({ err }, 'Leases of other guards cannot be looked for'),
    })
  }

  /** Whether this is the book that all doors write in. */
  get anchor(): AnchorState {
    return this.#anchor.state
  }

  /** Why nothing may be written in the book now, for people; undefined if it may. */
  get doubt(): string | undefined {
    return this.#anchor.doubt
  }

  /** In how many other namespaces there are Leases of a guard; undefined if that cannot be found out. */
  get others(): number | undefined {
    return this.#others.count
  }

  /** Resolves once it is known whether this is the book that all doors write in. @throws the signal's reason */
  async whenKnown(signal: AbortSignal): Promise<void> {
    await this.#anchor.whenKnown(signal)
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    await Promise.all([this.book.stop(), this.#anchor.stop(), this.#others.stop()])
  }
}

function logState(log: Logger, namespace: string, state: AnchorState, why: string | undefined): void {
  const fields = { namespace, anchor: state, ...(why !== undefined && { why }) }
  switch (state) {
    case 'here':
      log.info(fields, 'the Leases of all doors are in one namespace')
      return
    case 'elsewhere':
      log.error(fields, 'the Leases of other doors are in another namespace: no arming change is admitted')
      return
    case 'unknown':
      log.warn(fields, 'nobody can tell where other doors keep their Leases: no arming change is admitted')
      return
    case 'forbidden':
      log.warn(fields, 'a right is missing: another door with its Leases elsewhere would not be noticed')
  }
}

function logOthers(log: Logger, namespace: string, others: readonly string[]): void {
  if (others.length === 0) log.info({ namespace }, 'there are no Leases of another guard any more')
  else log.error({ namespace, others }, 'Leases of a guard are in other namespaces too')
}

/** What it depends on whether a replica can judge. */
interface ReadinessModules {
  readonly map: Pick<DiskMapView, 'release' | 'nodes'>
  readonly knowledge: Pick<Knowledge, 'synced' | 'ageMs'>
}

/** What the operator decides about it. */
export interface ReadinessOptions {
  readonly longhornNamespace: string
  /** How old the disk map may be to admit an arming change, in milliseconds. */
  readonly maxAgeMs: number
}

/**
 * Why a replica cannot judge, so that a Service should ask another; undefined if it can.
 *
 * @returns sentences for whoever reads `/readyz`
 */
export function whyUnready(
  { map, knowledge }: ReadinessModules,
  { longhornNamespace, maxAgeMs }: ReadinessOptions,
): string | undefined {
  if (!knowledge.synced)
    return 'not all Longhorn objects have been read yet, so writes that could raise danger are refused.'
  if (knowledge.ageMs() > maxAgeMs) {
    return `the API server has given no sign of life for ${Math.round(knowledge.ageMs() / 1_000)} s, so writes that could raise danger are refused.`
  }
  if (hasLonghorn(map)) return undefined
  return `${noLonghornIn(longhornNamespace)} ${findLonghorn}`
}
