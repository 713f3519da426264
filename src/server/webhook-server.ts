import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import type { Health } from '../doors/http/health.ts'
import type { RepeatLimits } from '../doors/webhook/repeated-refusals.ts'
import { defaultWebhookOptions, type WebhookPorts, WebhookServer } from '../doors/webhook/server.ts'
import { webhookMetrics } from '../observability/request-metrics.ts'
import { isArming } from '../rules/change.ts'
import { enforcesAnything } from '../rules/policy.ts'
import { monotonicMs, systemClock } from '../time/clock.ts'
import type { ClientAuthorities } from '../tls/client-authorities.ts'
import type { CertificateSource } from '../tls/folder.ts'
import type { Reload } from '../tls/reload.ts'
import { checkCertificate, type PemPair, type ServingCertificate } from '../tls/stored.ts'
import { type ClientCa, followingClientCa, reloadCertificates } from './certificates.ts'
import { DecisionCore } from './decision-core.ts'
import type { DecisionCoreModules } from './observers.ts'
import { startRescue } from './rescue/start.ts'

/** The parts of a guard. */
export interface GuardModules extends Omit<DecisionCoreModules, 'certificate'> {
  /** The first serving certificate. */
  readonly tls: ServingCertificate
  /** The source of later ones; without it, the first is served for ever. Stopped with the guard. */
  readonly certificates?: CertificateSource
  /**
   * The clients whose certificates it accepts; without it every client that reaches the port may send
   * reviews.
   */
  readonly clientCa?: ClientCa
  /** The answer to repeated denials; the default suits Longhorn's controllers. */
  readonly repeats?: RepeatLimits
  /** A health server that already listens; by default it starts with the webhook. Closed with the guard. */
  readonly health?: Health
}

/** The ports of a guard. */
interface GuardPorts extends WebhookPorts {
  /** On 127.0.0.1, for people's commands. */
  readonly operatorPort: number
}

/** A whole guard: the decision core with the webhook in front. */
export class Guard {
  readonly #core: DecisionCore
  readonly #webhook: WebhookServer
  readonly #reload: Reload<PemPair> | undefined
  readonly #reloadClientCa: Reload<ClientAuthorities> | undefined
  readonly #log: Logger
  readonly #server: string
  #tls: ServingCertificate
  /** Ends the rescue of nodes in danger. */
  readonly #stopRescue: () => Promise<void>

  /** Begins to read Longhorn's objects. @throws UnusableCertificate */
  constructor(configuration: Configuration, modules: GuardModules) {
    const { connection, tls, certificates, clientCa, log, repeats } = modules
    // First, since a running feed has to be stopped.
    checkCertificate(tls)
    const { policy, retryAfterSeconds } = configuration
    this.#log = log
    this.#tls = tls
    this.#server = connection.server
    this.#core = new DecisionCore(configuration, {
      ...modules,
      certificate: () => this.#tls.cert,
      callers: () => (clientCa ? this.#webhook.callers : undefined),
    })
    const { gate, trail, registry, traffic } = this.#core
    this.#webhook = new WebhookServer(
      {
        ...defaultWebhookOptions,
        host: configuration.host,
        port: configuration.port,
        healthPort: configuration.healthPort,
        lingerMs: configuration.lingerMs,
        longhornNamespace: policy.longhornNamespace,
        impatient: policy.impatient,
        retryAfterSeconds,
        enforces: enforcesAnything(policy),
        tls,
        ...(clientCa && { clients: { authorities: clientCa.authorities, names: configuration.clientNames } }),
      },
      {
        decide: gate.decide,
        decideAtOnce: gate.decideAtOnce,
        isArming,
        denied: (write, withinMs) => trail.denied(write, withinMs),
        unready: () => this.#core.unready,
        metrics: registry,
        log,
        timers: systemClock,
        now: monotonicMs,
        traffic: { reviews: traffic.at('reviews'), health: traffic.at('health') },
        ...(repeats && { repeats }),
        health: modules.health,
      },
    )
    webhookMetrics(registry, {
      delayedRefusals: () => this.#webhook.delayedRefusals,
      ...(clientCa && { callers: () => this.#webhook.callers }),
    })
    this.#stopRescue = configuration.rescue
      ? startRescue(configuration, this.#core.rescueParts)
      : () => Promise.resolve()
    this.#reload = certificates && this.#reloading(tls, certificates)
    this.#reloadClientCa =
      clientCa && followingClientCa(clientCa, (found) => this.#webhook.setClientAuthorities(found), log)
  }

  /**
   * Listens. Until every object is read, arming changes are answered with 503.
   *
   * @throws CannotListen; then nothing runs
   */
  async start(): Promise<GuardPorts> {
    try {
      const operatorPort = await this.#core.start()
      const ports = { ...(await this.#webhook.start()), operatorPort }
      this.#log.info({ ...ports, server: this.#server }, 'listening')
      return ports
    } catch (error) {
      await this.#letGo()
      throw error
    }
  }

  /** Resolves once every Longhorn object was read. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.#core.whenSynced(signal)
  }

  /** Reopens the audit file after a SIGHUP. */
  reopen(): void {
    this.#core.trail.reopen()
  }

  /** Stops without losing a review, then disconnects from the cluster. */
  async stop(): Promise<void> {
    // Held requests are answered, and their retries reach another replica.
    this.#core.gate.stopHolding()
    await this.#webhook.close()
    await this.#letGo()
    this.#log.info('stopped')
  }

  #reloading(tls: ServingCertificate, source: CertificateSource): Reload<PemPair> {
    const serve = (certificate: ServingCertificate): void => {
      this.#webhook.setCertificate(certificate)
      this.#tls = certificate
    }
    return reloadCertificates(tls, { source, serve, log: this.#log })
  }

  async #letGo(): Promise<void> {
    // A leader resigns, which needs the connection.
    await Promise.all([this.#reload?.stop(), this.#reloadClientCa?.stop(), this.#stopRescue()])
    await this.#core.stop()
  }
}
