import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { Configuration } from '../configuration/configuration.ts'
import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { HeldChange } from '../gate/held-change.ts'
import type { ChangeBus } from '../gate/change-bus.ts'
import { comesBackMs } from '../gate/waiting-list.ts'
import type { DecisionListener, HoldListener } from '../gate/ports.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import type { DiskMapFeed } from '../kubernetes/disk-map-feed.ts'
import { EventRecorder } from '../kubernetes/event-recorder.ts'
import type { ClockSkew } from '../kubernetes/leases/clock-skew.ts'
import { anchorStates } from '../kubernetes/leases/followed-anchor.ts'
import { profileOf } from '../longhorn/releases.ts'
import { LogSink, RecentRecords } from '../observability/audit-sinks.ts'
import { AuditTrail } from '../observability/audit-trail.ts'
import { DecisionEvents } from '../observability/decision-events.ts'
import { DecisionMetrics } from '../observability/decision-metrics.ts'
import { Denials } from '../observability/denials.ts'
import { HoldEvents } from '../observability/hold-events.ts'
import { HoldLog } from '../observability/hold-log.ts'
import { holdMetrics } from '../observability/hold-metrics.ts'
import { HoldNews } from '../observability/hold-news.ts'
import { heldAt } from '../observability/hold-record.ts'
import { HoldStream } from '../observability/hold-stream.ts'
import { DecisionLog } from '../observability/log.ts'
import { TrafficMetrics } from '../observability/request-metrics.ts'
import { bookMetrics, stateMetrics } from '../observability/state-metrics.ts'
import { troubleMetrics } from '../observability/trouble-metrics.ts'
import { TrendRing } from '../page/trend.ts'
import { HoldBell } from '../page/waiting.ts'
import type { PlanEvictions } from '../page/what-if.ts'
import { actsOf, type Change, type JudgedKind } from '../rules/change.ts'
import { doing } from '../rules/doing.ts'
import type { Policy } from '../rules/policy.ts'
import { settlesAt } from '../rules/disks-at-risk.ts'
import { systemClock } from '../time/clock.ts'
import { expiryOf } from '../tls/stored.ts'
import { auditFileSink } from './audit-file.ts'
import { operatorApi, type ReplicaStatus } from './operator-api.ts'
import { guardPage } from './page-source.ts'
import { reportSink } from './report-sink.ts'
import type { SharedBook } from './shared-book.ts'
import { version } from './version.ts'

/** All observers of a guard. */
interface Observers {
  readonly registry: Registry
  /** The observers of decisions. */
  readonly listeners: readonly DecisionListener[]
  /** The observers of holds. */
  readonly holdListeners: readonly HoldListener[]
  /** Stopped with the guard. */
  readonly trail: AuditTrail
  /** The API for people's commands. It does not listen yet. */
  readonly operator: FastifyInstance
  /** Stopped with the guard. */
  readonly events: EventRecorder
  /** Stopped with the guard. */
  readonly trend: TrendRing
  /** Stopped with the guard. */
  readonly news: HoldNews
  /** Called with the effects of the limits of connections and bodies. */
  readonly traffic: TrafficMetrics
}

/** The observed parts. */
interface Observed {
  readonly map: DiskMapView
  readonly feed: DiskMapFeed
  readonly book: ReservationBook
  /** The same as the Leases that all doors share; absent if another book was given. */
  readonly shared?: SharedBook
  readonly changes: ChangeBus
  readonly holding: () => number
  readonly holds: () => readonly HeldChange[]
  readonly skew: ClockSkew
}

/** Log, audit, metrics and Events of one guard. */
export function instrument(
  configuration: Configuration,
  { connection, log, audit, registry = new Registry(), certificate, callers, plan }: DecisionCoreModules,
  { map, feed, book, shared, changes, holding, holds, skew }: Observed,
): Observers {
  const { policy, replica, auditLog, auditFile, maxAgeMs, retryAfterSeconds } = configuration
  const report = reportSink(configuration, connection, registry, log)
  const events = new EventRecorder({
    connection,
    namespace: policy.longhornNamespace,
    replica,
    clock: systemClock,
    onProblem: (error) => log.warn({ err: error }, 'Events cannot be written'),
  })
  const profile = () => profileOf(policy.release ?? map.release)
  stateMetrics(registry, {
    version: version(),
    map,
    profile,
    freshness: feed,
    book,
    clock: systemClock,
    holding,
    settling: () => settling(map, policy).length,
    clockSkew: () => skew.seconds(),
    restarts: () => restartsOf(feed),
    ...(certificate && { certificateExpiry: () => expiryOf(certificate()) }),
    droppedEvents: () => events.dropped,
  })
  holdMetrics(registry, { holds, clock: systemClock })
  const denials = new Denials(systemClock, policy)
  troubleMetrics(registry, { map, profile, policy, freshness: feed, denials, clock: systemClock })
  if (shared) bookMetrics(registry, anchorStates, shared)
  const recent = new RecentRecords()
  const trail = new AuditTrail({
    sinks: [
      recent,
      ...(auditLog ? [new LogSink(log)] : []),
      ...(auditFile ? [auditFileSink(auditFile, registry, log)] : []),
      ...(report ? [report] : []),
    ],
    clock: systemClock,
    circumstances: () => {
      const release = policy.release ?? map.release
      const inWords = (change: Change) => doing(actsOf(change), map)
      return { replica, release, profile: profileOf(release), ageMs: feed.ageMs(), inWords, policy }
    },
  })
  const uidOf = (kind: JudgedKind, name: string) => map.object(kind, name)?.metadata.uid
  const trend = new TrendRing(
    () => ({ holds: holding(), pending: [...map.pendingCleanups()].length }),
    systemClock,
    policy,
  )
  const listeners = [
    new DecisionMetrics(registry, policy),
    denials,
    trend,
    new DecisionEvents(events, uidOf),
    trail,
    new DecisionLog(log, systemClock, { hasRecords: auditLog, policy }),
    ...(audit ? [audit] : []),
  ]
  const bell = new HoldBell()
  // A client that comes while a hold is too young to be announced gets it with all others, and so its end.
  const announced = (): HeldChange[] => holds().filter(({ id }) => news.isAnnounced(id))
  const stream = new HoldStream({ replica, clock: systemClock, holds: announced })
  const notReported = (error: unknown): void => log.error({ err: error }, 'a hold could not be told')
  const news = new HoldNews(
    [new HoldEvents(events, uidOf, systemClock), new HoldLog(log, systemClock), stream],
    { clock: systemClock, comesBackMs: comesBackMs({ retryAfterSeconds }), onProblem: notReported },
  )
  const traffic = new TrafficMetrics(registry, log, () => systemClock.monotonic())
  const operator = operatorApi({
    recent,
    holds: stream,
    traffic: traffic.at('operator'),
    ...(plan && {
      page: guardPage({
        ...{ replica, map, freshness: feed, book, changes, policy, maxAgeMs, holds, bell },
        ...{ records: recent, trend, plan, clock: systemClock },
      }),
    }),
    status: () => ({
      replica,
      version: version(),
      synced: feed.synced,
      diskMapAgeMs: Number.isFinite(feed.ageMs()) ? feed.ageMs() : null,
      holds: holding(),
      waiting: holds().map((held) => heldAt(held, systemClock.monotonic())),
      settleMs: policy.settleMs,
      settleAfterOutageMs: policy.settleAfterOutageMs,
      lostAfterMs: policy.lostAfterMs,
      pendingCleanups: [...map.pendingCleanups()].map(({ image, diskUUID, since }) => ({
        image,
        diskUUID,
        pendingMs: systemClock.monotonic() - since,
      })),
      settling: settling(map, policy),
      policy: {
        modes: policy.modes,
        evictionCompletion: policy.evictionCompletion,
        release: policy.release ?? null,
        evictionBudget: {
          flaggedNodes: policy.evictionBudget.flaggedNodes ?? null,
          pendingCleanups: policy.evictionBudget.pendingCleanups ?? null,
        },
      },
      ...(callers && { callers: callersNow(callers()) }),
    }),
  })
  const holdListeners = [news, bell]
  return { registry, listeners, holdListeners, trail, operator, events, trend, news, traffic }
}

function callersNow(callers: CallersSeen | undefined): NonNullable<ReplicaStatus['callers']> | null {
  if (callers === undefined) return null
  const { refused, last } = callers
  return {
    refused: [...refused.values()].reduce((all, some) => all + some, 0),
    last: last === undefined ? null : { name: last.name, leftMs: last.until - systemClock.now() },
  }
}

function settling(map: DiskMapView, policy: Policy) {
  const profile = profileOf(policy.release ?? map.release)
  const now = systemClock.monotonic()
  return [...map.nodes()].flatMap((node) => {
    const until = settlesAt(node, { map, policy, profile, now })
    return until === undefined ? [] : [{ node: node.metadata.name, leftMs: until - now }]
  })
}

function* restartsOf(feed: DiskMapFeed) {
  for (const [kind, { counters }] of feed.followers) {
    for (const [reason, count] of Object.entries(counters.restarts))
      if (count > 0) yield { kind, reason, count }
  }
}
/** The parts that decisions need. */

export interface DecisionCoreModules {
  /** Owned by the core: closed when it stops. */
  readonly connection: Connection
  readonly log: Logger
  /** More observers of decisions. */
  readonly audit?: DecisionListener
  /** The registry of metrics, if shared with others of the process. */
  readonly registry?: Registry
  /** The record of admitted changes; by default in Leases, which all replicas and both doors share. */
  readonly book?: ReservationBook
  /**
   * How long an admitted write may take to be committed, in milliseconds; from the configuration by default.
   */
  readonly commitMs?: number
  /** PEM of the serving certificate; undefined without TLS. */
  readonly certificate?: () => string
  /** How evictions are planned, for the page; without it there is no page. */
  readonly plan?: PlanEvictions
  /** The clients that it authenticates; absent if it asks for no certificate. */
  readonly callers?: () => CallersSeen | undefined
}
/** The clients and their certificates. */

interface CallersSeen {
  /** How many were rejected, by the reason. */
  readonly refused: ReadonlyMap<string, number>
  /** The last accepted client, and when its certificate ends, in milliseconds since the epoch. */
  readonly last: { readonly name: string; readonly until: number } | undefined
}
