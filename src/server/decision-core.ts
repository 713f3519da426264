import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Configuration } from '../configuration/configuration.ts'
import { type DiskMapView, hasLonghorn } from '../disk-map/disk-map-view.ts'
import { DiskMap } from '../disk-map/disk-map.ts'
import { listen, portOf } from '../doors/http/listen.ts'
import { defaultGateOptions, Gate } from '../gate/gate.ts'
import { ChangeBus, objectChange } from '../gate/change-bus.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { DiskMapFeed, type DiskMapSink } from '../kubernetes/disk-map-feed.ts'
import type { EventRecorder } from '../kubernetes/event-recorder.ts'
import type { FeedProblem } from '../kubernetes/feed-problem.ts'
import { ClockSkew } from '../kubernetes/leases/clock-skew.ts'
import { ApiReads } from '../kubernetes/quorum-reads.ts'
import { defaultListWatchLimits } from '../kubernetes/watch/list-watch-state.ts'
import type { AuditTrail } from '../observability/audit-trail.ts'
import { ProblemLog } from '../observability/problem-log.ts'
import type { TrafficMetrics } from '../observability/request-metrics.ts'
import type { HoldNews } from '../observability/hold-news.ts'
import type { TrendRing } from '../page/trend.ts'
import { rememberMs } from '../rules/disks-at-risk.ts'
import { systemClock } from '../time/clock.ts'
import { type DecisionCoreModules, instrument } from './observers.ts'
import type { RescueParts } from './rescue/start.ts'
import { type ReadinessOptions, SharedBook, whyUnready } from './shared-book.ts'

/** A quiet kind is listed again while there is time left for that before the map is too old. */
const quietMs = ({ maxAgeMs }: Configuration): number =>
  Math.min(defaultListWatchLimits.idleTimeoutMs, (maxAgeMs * 3) / 4)

/** The parts that every door decides with: the disk map, its feed, the gate, and their observers. */
export class DecisionCore {
  readonly gate: Gate
  readonly map: DiskMapView
  readonly trail: AuditTrail
  readonly registry: Registry
  /** Called with the effects of the limits of its doors. */
  readonly traffic: TrafficMetrics
  readonly #connection: Connection
  readonly #changes: ChangeBus
  readonly #feed: DiskMapFeed
  /** Undefined if another book was given. */
  readonly #shared: SharedBook | undefined
  readonly #events: EventRecorder
  readonly #trend: TrendRing
  readonly #news: HoldNews
  readonly #operator: FastifyInstance
  readonly #operatorPort: number
  readonly #readiness: ReadinessOptions
  readonly #log: Logger

  /** Begins to read Longhorn's objects. */
  constructor(configuration: Configuration, modules: DecisionCoreModules) {
    const skew = new ClockSkew(systemClock)
    const connection = skew.watching(modules.connection)
    const { log, commitMs = configuration.commitMs } = modules
    const { longhornNamespace: namespace } = configuration.policy
    const problems = new ProblemLog(log, systemClock)
    const map = new DiskMap({ rememberMs: rememberMs(configuration.policy) })
    const changes = new ChangeBus()
    this.map = map
    this.#log = log
    this.#connection = connection
    this.#changes = changes
    this.#feed = new DiskMapFeed({
      connection,
      namespace,
      limits: { idleTimeoutMs: quietMs(configuration) },
      sink: notifying(map, changes),
      onProblem: (problem) => logProblem(problems, problem),
    })
    const { book, shared } = bookOf(configuration, { ...modules, connection }, skew)
    this.#shared = shared
    changes.follow(book)
    const { listeners, holdListeners, trail, operator, events, trend, news, registry, traffic } = instrument(
      configuration,
      modules,
      {
        map,
        feed: this.#feed,
        book,
        ...(shared && { shared }),
        changes,
        holding: () => this.gate.holding,
        holds: () => this.gate.holds(),
        skew,
      },
    )
    this.registry = registry
    this.traffic = traffic
    this.trail = trail
    this.#events = events
    this.#trend = trend
    this.#news = news
    this.#operator = operator
    this.#operatorPort = configuration.operatorPort
    this.#readiness = { longhornNamespace: namespace, maxAgeMs: configuration.maxAgeMs }
    this.gate = new Gate(
      { ...defaultGateOptions, ...configuration, process: randomUUID(), commitMs },
      {
        map,
        freshness: this.#feed,
        reads: new ApiReads(connection, namespace),
        book,
        ...(shared && { doubt: () => shared.doubt }),
        changes,
        clock: systemClock,
        listeners,
        holdListeners,
        onProblem: (what, error) =>
          problems.error(
            { err: error, what },
            what === 'not-told'
              ? 'a hold could not be told'
              : 'a reservation was not made, confirmed or released',
          ),
      },
    )
  }

  /** What a rescue of nodes in danger uses. */
  get rescueParts(): RescueParts {
    return {
      ...{ connection: this.#connection, map: this.map, changes: this.#changes, freshness: this.#feed },
      ...{ trail: this.trail, events: this.#events, registry: this.registry, log: this.#log },
    }
  }

  /** Why another replica should be asked instead, in sentences; undefined if this one can judge. */
  get unready(): string | undefined {
    return whyUnready({ map: this.map, freshness: this.#feed }, this.#readiness)
  }

  /** Listens for people's commands, on 127.0.0.1. @returns the port @throws CannotListen */
  async start(): Promise<number> {
    await listen(this.#operator, 'people’s commands (--operator-port)', '127.0.0.1', this.#operatorPort)
    return portOf(this.#operator)
  }

  /** Resolves once every Longhorn object was read, and the book is known. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.#feed.whenSynced(signal)
    this.#log.info('every Longhorn object is read')
    const { longhornNamespace } = this.#readiness
    if (!hasLonghorn(this.map)) {
      this.#log.error(
        { longhornNamespace },
        'there is no Longhorn in this namespace, so the guard is not ready',
      )
    }
    await this.#shared?.whenKnown(signal)
  }

  /** Disconnects from the cluster. Its doors close first. */
  async stop(): Promise<void> {
    this.#trend.stop()
    this.#news.stop()
    await this.gate.stop()
    await Promise.all([this.trail.stop(), this.#events.stop(), this.#operator.close()])
    await Promise.all([this.#feed.stop(), this.#shared?.stop()])
    this.#connection.close()
  }
}

/** The given book, or the one that all doors of the cluster share. */
function bookOf(
  configuration: Configuration,
  { book, connection, log }: DecisionCoreModules,
  skew: ClockSkew,
): { readonly book: ReservationBook; readonly shared?: SharedBook } {
  if (book) return { book }
  const shared = new SharedBook(configuration, { connection, log, skew })
  return { book: shared.book, shared }
}

/** The disk map, whose changes reach every waiting request. */
function notifying(map: DiskMap, changes: ChangeBus): DiskMapSink {
  return {
    apply(object, at) {
      map.apply(object, at)
      changes.emit(objectChange(object.kind, object.metadata.name))
    },
    remove(kind, name, at, unseen) {
      map.remove(kind, name, at, unseen)
      changes.emit(objectChange(kind, name))
    },
    outageBegan: (began) => map.history.outageBegan(began),
    outageEnded: (at) => map.history.outageEnded(at),
  }
}

function logProblem(problems: ProblemLog, problem: FeedProblem): void {
  const { message, ...fields } = problem
  problems.error({ ...fields, problem: message }, 'the disk map is not up to date')
}
