import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { DiskMap } from '../disk-map/disk-map.ts'
import { Gate } from '../gate/gate.ts'
import type { Audit } from '../gate/ports.ts'
import { systemClock } from '../kubernetes/clock.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { DiskMapFeed } from '../kubernetes/disk-map-feed.ts'
import type { FeedProblem } from '../kubernetes/feed-problem.ts'
import { isArming } from '../rules/acts.ts'
import { DecisionLog } from '../telemetry/decision-log.ts'
import { checkCertificate, type ServingCertificate } from '../webhook/certificate.ts'
import { systemTimers } from '../webhook/ports.ts'
import { defaultWebhookOptions, WebhookServer, type WebhookPorts } from '../webhook/server.ts'

/** What a guard works with. */
export interface GuardModules {
  /** Owned by the guard from now on: closed when it stops. */
  readonly connection: Connection
  readonly tls: ServingCertificate
  readonly log: Logger
  /** Where decisions go; to the log by default. */
  readonly audit?: Audit
}

/** A whole guard: the disk map, what feeds it, the gate, and the webhook in front. */
export class Guard {
  readonly #connection: Connection
  readonly #feed: DiskMapFeed
  readonly #webhook: WebhookServer
  readonly #log: Logger

  /** Begins to read Longhorn's objects. @throws UnusableCertificate */
  constructor(configuration: Configuration, modules: GuardModules) {
    const { connection, tls, log, audit = new DecisionLog(log, systemClock) } = modules
    // First, since a feed that runs has to be stopped.
    checkCertificate(tls)
    const { policy, maxAgeMs, retryAfterSeconds } = configuration
    const map = new DiskMap()
    this.#log = log
    this.#connection = connection
    this.#feed = new DiskMapFeed({
      connection,
      namespace: policy.longhornNamespace,
      sink: map,
      onProblem: (problem) => logProblem(log, problem),
    })
    const gate = new Gate(
      { policy, maxAgeMs, retryAfterSeconds },
      { map, knowledge: this.#feed, clock: systemClock, audit },
    )
    this.#webhook = new WebhookServer(
      {
        ...defaultWebhookOptions,
        host: configuration.host,
        port: configuration.port,
        healthPort: configuration.healthPort,
        lingerMs: configuration.lingerMs,
        longhornNamespace: policy.longhornNamespace,
        retryAfterSeconds,
        tls,
      },
      { decide: (change) => gate.decide(change), isArming, knowledge: this.#feed, log, timers: systemTimers },
    )
  }

  /**
   * Listens. Until every object is read, arming changes are answered with 503.
   *
   * @throws CannotListen; then nothing runs any more
   */
  async start(): Promise<WebhookPorts> {
    try {
      const ports = await this.#webhook.start()
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
    await this.#webhook.close()
    await this.#letGo()
    this.#log.info('stopped')
  }

  async #letGo(): Promise<void> {
    await this.#feed.stop()
    this.#connection.close()
  }
}

function logProblem(log: Logger, problem: FeedProblem): void {
  const { message, ...fields } = problem
  log.error({ ...fields, problem: message }, 'the disk map is not fed')
}
