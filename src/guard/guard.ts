import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { AuditTrail } from '../audit/trail.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { DiskMap } from '../disk-map/disk-map.ts'
import { Changes, objectChange, pageChange } from '../gate/changes.ts'
import { defaultGateOptions, Gate } from '../gate/gate.ts'
import type { Audit } from '../gate/ports.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import { systemClock } from '../kubernetes/clock.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { DiskMapFeed, type DiskMapSink } from '../kubernetes/disk-map-feed.ts'
import type { FeedProblem } from '../kubernetes/feed-problem.ts'
import type { EventRecorder } from '../kubernetes/event-recorder.ts'
import { defaultListWatchLimits } from '../kubernetes/list-watch-limits.ts'
import { LeaseBook } from '../kubernetes/lease-book.ts'
import { ApiReads } from '../kubernetes/quorum-reads.ts'
import { isArming } from '../rules/acts.ts'
import { enforcesAnything } from '../rules/override.ts'
import { CertificateReload } from '../tls/certificate-reload.ts'
import type { CertificateSource } from '../tls/certificate-source.ts'
import { expiryOf } from '../tls/expiry.ts'
import { checkCertificate, type ServingCertificate } from '../webhook/certificate.ts'
import { listen, portOf } from '../webhook/listen.ts'
import { systemTimers } from '../webhook/ports.ts'
import { defaultWebhookOptions, WebhookServer, type WebhookPorts } from '../webhook/server.ts'
import { guardNamespace } from './guard-namespace.ts'
import { observers } from './observers.ts'

/** What a guard works with. */
export interface GuardModules {
  /** Owned by the guard from now on: closed when it stops. */
  readonly connection: Connection
  /** What it serves first. */
  readonly tls: ServingCertificate
  /** Where later ones come from; without it, the first is served for ever. Stopped with the guard. */
  readonly certificates?: CertificateSource
  readonly log: Logger
  /** Told of every decision too. */
  readonly audit?: Audit
  /** Where metrics are registered; with others of the process, for example. */
  readonly registry?: Registry
  /** Where what was admitted is recorded; in Leases by default, which all replicas share. */
  readonly book?: ReservationBook
}

/** The ports a guard listens on. */
export interface GuardPorts extends WebhookPorts {
  /** On 127.0.0.1, for people's commands. */
  readonly operatorPort: number
}

/** A quiet kind is listed anew while there is time left to do so before what is known of it is too old. */
const quietMs = ({ maxAgeMs }: Configuration): number =>
  Math.min(defaultListWatchLimits.idleTimeoutMs, (maxAgeMs * 3) / 4)

/** A whole guard: the disk map, what feeds it, the gate, and the webhook in front. */
export class Guard {
  readonly #connection: Connection
  readonly #feed: DiskMapFeed
  readonly #leases: LeaseBook | undefined
  readonly #gate: Gate
  readonly #webhook: WebhookServer
  readonly #reload: CertificateReload | undefined
  readonly #events: EventRecorder
  readonly #trail: AuditTrail
  readonly #operator: FastifyInstance
  readonly #operatorPort: number
  readonly #log: Logger
  #tls: ServingCertificate

  /** Begins to read Longhorn's objects. @throws UnusableCertificate */
  constructor(configuration: Configuration, modules: GuardModules) {
    const { connection, tls, certificates, log } = modules
    // First, since a feed that runs has to be stopped.
    checkCertificate(tls)
    const { policy, retryAfterSeconds } = configuration
    const { longhornNamespace: namespace } = policy
    const map = new DiskMap()
    const changes = new Changes()
    this.#log = log
    this.#tls = tls
    this.#connection = connection
    this.#feed = new DiskMapFeed({
      connection,
      namespace,
      limits: { idleTimeoutMs: quietMs(configuration) },
      sink: told(map, changes),
      onProblem: (problem) => logProblem(log, problem),
    })
    const { book = leaseBook(configuration, modules) } = modules
    this.#leases = book instanceof LeaseBook ? book : undefined
    book.subscribe((key) => changes.tell(pageChange(key)))
    const { audit, trail, operator, events, registry } = observers(configuration, modules, {
      map,
      feed: this.#feed,
      book,
      holding: () => this.#gate.holding,
      certificate: () => this.#tls.cert,
    })
    this.#events = events
    this.#trail = trail
    this.#operator = operator
    this.#operatorPort = configuration.operatorPort
    this.#gate = new Gate(
      { ...defaultGateOptions, ...configuration },
      {
        map,
        knowledge: this.#feed,
        reads: new ApiReads(connection, namespace),
        book,
        changes,
        clock: systemClock,
        audit,
        onProblem: (what, error) =>
          log.error({ err: error, what }, 'a reservation was not made, confirmed or released'),
      },
    )
    this.#webhook = new WebhookServer(
      {
        ...defaultWebhookOptions,
        host: configuration.host,
        port: configuration.port,
        healthPort: configuration.healthPort,
        lingerMs: configuration.lingerMs,
        longhornNamespace: namespace,
        retryAfterSeconds,
        enforces: enforcesAnything(policy),
        tls,
      },
      {
        decide: (change, patience) => this.#gate.decide(change, patience),
        isArming,
        denied: (write) => trail.denied(write),
        knowledge: this.#feed,
        metrics: registry,
        log,
        timers: systemTimers,
      },
    )
    this.#reload = certificates && this.#reloading(tls, certificates)
  }

  /**
   * Listens. Until every object is read, arming changes are answered with 503.
   *
   * @throws CannotListen; then nothing runs any more
   */
  async start(): Promise<GuardPorts> {
    try {
      await listen(this.#operator, 'people’s commands', '127.0.0.1', this.#operatorPort)
      const ports = { ...(await this.#webhook.start()), operatorPort: portOf(this.#operator) }
      this.#log.info({ ...ports, server: this.#connection.server }, 'listening')
      return ports
    } catch (error) {
      await this.#letGo()
      throw error
    }
  }

  /** Resolves once every Longhorn object was read. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.#feed.whenSynced(signal)
    this.#log.info('every Longhorn object is read')
  }

  /** Leaves without losing a review, then lets go of the cluster. */
  async stop(): Promise<void> {
    // Whoever is held comes again, and then finds another replica.
    this.#gate.stopHolding()
    await this.#webhook.close()
    await this.#letGo()
    this.#log.info('stopped')
  }

  #reloading(tls: ServingCertificate, source: CertificateSource): CertificateReload {
    return new CertificateReload(tls, {
      source,
      timers: systemClock,
      serve: (certificate) => {
        this.#webhook.setCertificate(certificate)
        this.#tls = certificate
      },
      onReloaded: ({ cert }) => this.#log.info({ until: expiryOf(cert) }, 'another certificate is served'),
      onProblem: (error) => this.#log.error({ err: error }, 'the certificate cannot be reloaded'),
    })
  }

  async #letGo(): Promise<void> {
    await this.#gate.stop()
    await Promise.all([this.#trail.stop(), this.#events.stop(), this.#operator.close()])
    await Promise.all([this.#feed.stop(), this.#leases?.stop(), this.#reload?.stop()])
    this.#connection.close()
  }
}

function leaseBook(configuration: Configuration, { connection, log }: GuardModules): LeaseBook {
  return new LeaseBook({
    connection,
    namespace: guardNamespace(configuration, connection),
    replica: configuration.replica,
    clock: systemClock,
    onProblem: (error) => log.error({ err: error }, 'the book of reservations cannot be read'),
  })
}

/** The disk map, with everybody told who waits for a change of it. */
function told(map: DiskMap, changes: Changes): DiskMapSink {
  return {
    apply(object, at) {
      map.apply(object, at)
      changes.tell(objectChange(object.kind, object.metadata.name))
    },
    remove(kind, name) {
      map.remove(kind, name)
      changes.tell(objectChange(kind, name))
    },
  }
}

function logProblem(log: Logger, problem: FeedProblem): void {
  const { message, ...fields } = problem
  log.error({ ...fields, problem: message }, 'the disk map is not fed')
}
