import type { FastifyInstance } from 'fastify'
import type { LastAnswer } from '../../tls/last-answers.ts'
import type { Timers } from '../../time/clock.ts'
import {
  ConnectionLimit,
  type ConnectionLimits,
  type TrafficObserver,
  unlessClosed,
} from './connection-limit.ts'
import { listen, portOf } from './listen.ts'
import { smallPort } from './small-port.ts'

/** The sources of health. */
export interface HealthModules {
  /** Why another replica should be asked instead, in sentences; undefined if this one can judge. */
  readonly unready: () => string | undefined
  /** True once the door is closing. */
  readonly leaving: () => boolean
  /** Called with connections that the limit closes. */
  readonly traffic?: TrafficObserver | undefined
}

/** The kubelet opens one for each probe, and a few Prometheus servers keep one each. */
export const healthConnections: ConnectionLimits = { most: 64, mostOfPeer: 16 }

/** The content of `/metrics`, in Prometheus' text format. */
export interface MetricsPage {
  readonly contentType: string
  metrics(): Promise<string>
}

/** The flag that chooses its port, for messages. */
const what = 'health (--health-port)'

/**
 * `/livez` and `/readyz` for the kubelet, `/metrics` for Prometheus, in plain HTTP and plain text. It listens
 * before anything else exists: a certificate may take long while the API server is away, and the kubelet
 * would restart the pod.
 *
 * - alive is every guard that answers: a restart does not help one that has lost the API server;
 * - ready is a guard that knows enough to judge and is not about to leave. Not ready means that the Service
 *   sends reviews to another replica, and without one the failurePolicy decides.
 */
export class Health {
  readonly #app: FastifyInstance
  #modules: HealthModules = { unready: () => starting, leaving: () => false }
  #closed: Promise<void> | undefined

  /** @param connections the maximum of open connections @param timers the machine's own by default */
  constructor(metrics: MetricsPage, connections: ConnectionLimits = healthConnections, timers?: Timers) {
    this.#app = smallPort({ inWords: plain, timers })
    new ConnectionLimit(this.#app.server, connections, (why) => this.#modules.traffic?.closed(why))
    this.#app.addHook('onRequest', unlessClosed)
    this.#app.get('/livez', (_request, reply) => reply.type('text/plain').send('Alive.\n'))
    this.#app.get('/readyz', (_request, reply) => {
      const why = this.#whyNotReady()
      return reply
        .code(why === undefined ? 200 : 503)
        .type('text/plain')
        .send(why === undefined ? 'Ready.\n' : `Not ready: ${why}\n`)
    })
    this.#app.get('/metrics', async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.metrics()),
    )
  }

  /** Listens, unless it does already. @returns the port @throws CannotListen */
  async listen(host: string, port: number): Promise<number> {
    if (!this.#app.server.listening) await listen(this.#app, what, host, port)
    return portOf(this.#app)
  }

  /** Takes readiness from these from now on; before, it is not ready. */
  answerFrom(modules: HealthModules): void {
    this.#modules = modules
  }

  /** A second call waits for the same end. */
  close(): Promise<void> {
    this.#closed ??= this.#app.close()
    return this.#closed
  }

  #whyNotReady(): string | undefined {
    const { leaving, unready } = this.#modules
    return leaving() ? 'shutting down; reviews that still arrive are answered.' : unready()
  }
}

function plain(status: number, sentence: string): LastAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: `${sentence}\n` }
}

const starting =
  'it has just started, and waits for the API server or for its certificate; the log says for which.'
