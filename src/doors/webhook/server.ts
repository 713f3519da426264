import type { Server } from 'node:https'
import type { FastifyInstance } from 'fastify'
import { asJson, LastAnswers } from '../../tls/last-answers.ts'
import type { ClientAuthorities, Wanted } from '../../tls/client-authorities.ts'
import { checkCertificate, type ServingCertificate } from '../../tls/stored.ts'
import { Connections, type TrafficObserver } from '../http/connection-limit.ts'
import { Health, type HealthModules, type MetricsPage } from '../http/health.ts'
import { listen, portOf } from '../http/listen.ts'
import { Callers, contextOf } from './callers.ts'
import { type ConnectionOptions, defaultConnectionOptions } from './connection-options.ts'
import { Distrust } from './distrust.ts'
import { endpoint } from './endpoint.ts'
import { RepeatedRefusals, type RepeatLimits } from './repeated-refusals.ts'
import { defaultReviewOptions, Reviewer, type ReviewModules, type ReviewOptions } from './reviewer.ts'

/** Options of the webhook. */
export interface WebhookOptions extends ConnectionOptions, ReviewOptions {
  /**
   * The address to listen on, for reviews and health. `::` is all of both families, or of IPv4 if the machine
   * has no other.
   */
  readonly host: string
  /** For reviews, over TLS. 0 for any free one. */
  readonly port: number
  /** For `/livez`, `/readyz` and `/metrics`, without TLS. 0 for any free one. */
  readonly healthPort: number
  readonly tls: ServingCertificate
  /**
   * The clients whose certificates it accepts; without it every client that reaches the port may send
   * reviews.
   */
  readonly clients?: Wanted
  /**
   * How long reviews are still answered after readiness ends, in milliseconds: endpoints and the API server
   * may take that long to notice (kubernetes.md, Staying out of the way).
   */
  readonly lingerMs: number
  /**
   * How long requests in progress may take after that before they are cut, in milliseconds. With `lingerMs`
   * it has to stay below the pod's terminationGracePeriodSeconds, 30 by default.
   */
  readonly drainMs: number
}

/** The limits without configuration. */
export const defaultWebhookOptions: Omit<WebhookOptions, 'tls' | 'clients'> = {
  ...defaultConnectionOptions,
  ...defaultReviewOptions,
  host: '::',
  port: 8443,
  healthPort: 8080,
  lingerMs: 10_000,
  drainMs: 15_000,
}

/** The parts of the webhook. */
export interface WebhookModules extends Omit<ReviewModules, 'repeated'>, Pick<HealthModules, 'unready'> {
  readonly metrics: MetricsPage
  /** One that already listens; by default a new one. Closed with the webhook. */
  readonly health?: Health | undefined
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** Milliseconds since the epoch; by default the machine's clock. */
  readonly timeOfDay?: () => number
  /** The answers to repeated denials; {@link defaultRepeatLimits} by default. */
  readonly repeats?: RepeatLimits
  /** Called with the effects of the limits of each port. */
  readonly traffic?: { readonly reviews: TrafficObserver; readonly health: TrafficObserver }
}

/** The addresses on which the webhook listens. */
export interface WebhookPorts {
  readonly port: number
  readonly healthPort: number
}

/** The server for AdmissionReviews: one start, certificates replaced while it runs, one graceful close. */
export class WebhookServer {
  readonly #options: WebhookOptions
  readonly #modules: WebhookModules
  readonly #distrust: Distrust
  readonly #repeated: RepeatedRefusals
  readonly #reviews: FastifyInstance<Server>
  readonly #connections: Connections
  readonly #health: Health
  readonly #callers: Callers | undefined
  #tls: ServingCertificate
  #authorities: ClientAuthorities | undefined
  readonly #leaving = new AbortController()
  #closed: Promise<void> | undefined

  /** @throws UnusableCertificate */
  constructor(options: WebhookOptions, modules: WebhookModules) {
    checkCertificate(options.tls)
    this.#options = options
    this.#modules = modules
    const { clients } = options
    const { log, timers, timeOfDay = Date.now } = modules
    const traffic = modules.traffic?.reviews
    this.#tls = options.tls
    this.#authorities = clients?.authorities
    this.#callers = clients && new Callers(clients, { log, timeOfDay })
    const leaving = this.#leaving.signal
    this.#distrust = new Distrust(log)
    this.#repeated = new RepeatedRefusals(modules.timers, modules.now, modules.repeats)
    this.#reviews = endpoint(options.tls, options, {
      reviewer: new Reviewer(options, {
        ...modules,
        repeated: this.#repeated,
        gaveWay: () => traffic?.cut('kept'),
      }),
      lastAnswers: new LastAnswers({ inWords: asJson, timers, failed: this.#distrust.failed }),
      callers: this.#callers && clients && { judge: this.#callers, authorities: clients.authorities },
      leaving,
      log: modules.log,
      now: modules.now,
      watches: !options.enforces,
      traffic,
    })
    this.#connections = new Connections(this.#reviews.server)
    this.#health = modules.health ?? new Health(modules.metrics)
    this.#health.answerFrom({
      unready: modules.unready,
      leaving: () => leaving.aborted,
      traffic: modules.traffic?.health,
    })
  }

  /** The accepted and rejected callers; undefined if it asks for no certificate. */
  get callers(): Pick<Callers, 'last' | 'refused'> | undefined {
    return this.#callers
  }

  /** How many answers to repeated denials were delayed since the start. */
  get delayedRefusals(): number {
    return this.#repeated.delayed
  }

  /**
   * Starts to listen on both ports.
   *
   * @throws {@link CannotListen}; then nothing listens
   */
  async start(): Promise<WebhookPorts> {
    const { host, port, healthPort } = this.#options
    await listen(this.#reviews, 'reviews (--port)', host, port)
    try {
      return { port: portOf(this.#reviews), healthPort: await this.#health.listen(host, healthPort) }
    } catch (error) {
      await this.#reviews.close()
      throw error
    }
  }

  /**
   * Serves another certificate from the next connection on; open ones keep the old (kubernetes.md, Connections).
   *
   * @throws UnusableCertificate, and the old one stays
   */
  setCertificate({ cert, key }: ServingCertificate): void {
    checkCertificate({ cert, key })
    this.#tls = { cert, key }
    this.#renewContext()
    this.#distrust.certificateReplaced()
  }

  /**
   * Accepts client certificates of these authorities from now on, if it asks for any; on open connections
   * too.
   */
  setClientAuthorities(authorities: ClientAuthorities): void {
    if (!this.#callers) return
    this.#authorities = authorities
    this.#renewContext()
    this.#callers.setAuthorities(authorities)
  }

  #renewContext(): void {
    this.#reviews.server.setSecureContext(contextOf(this.#tls, this.#authorities))
  }

  /**
   * Stops without losing a review: no longer ready, still answering for `lingerMs` with `Connection: close`,
   * then no new connections, and the end once all requests in progress are answered. A second call waits for
   * the same end.
   */
  close(): Promise<void> {
    this.#closed ??= this.#leave()
    return this.#closed
  }

  async #leave(): Promise<void> {
    const { timers, log } = this.#modules
    this.#leaving.abort()
    this.#repeated.stop()
    await new Promise<void>((resolve) => timers.setTimer(this.#options.lingerMs, resolve))
    const cancel = timers.setTimer(this.#options.drainMs, () => {
      const { size } = this.#connections
      log.warn(
        { drainMs: this.#options.drainMs, connections: size },
        'connections that were still busy were cut',
      )
      this.#connections.cutAll()
    })
    const closed = this.#reviews.close()
    this.#connections.cutUnused()
    await closed
    cancel()
    await this.#health.close()
  }
}
