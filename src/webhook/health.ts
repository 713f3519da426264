import { fastify, type FastifyInstance } from 'fastify'
import { ConnectionLimit, type ConnectionLimits } from '../traffic/connection-limit.ts'
import type { TrafficObserver } from '../traffic/traffic-observer.ts'

/** What health is told from. */
export interface HealthModules {
  /** Why another replica should be asked instead, in sentences; undefined if this one can judge. */
  readonly unready: () => string | undefined
  /** True once the door is closing. */
  readonly leaving: () => boolean
  readonly metrics: MetricsPage
  /** How many connections are kept at once; {@link healthConnections} if not given. */
  readonly connections?: ConnectionLimits
  /** Told of what the limit closes. */
  readonly traffic?: TrafficObserver | undefined
}

/** The kubelet opens one for each probe, and a few Prometheus servers keep one each. */
export const healthConnections: ConnectionLimits = { most: 64, mostOfPeer: 16 }

/** What `/metrics` shows, in Prometheus' text format. */
export interface MetricsPage {
  readonly contentType: string
  metrics(): Promise<string>
}

/**
 * `/livez` and `/readyz` for the kubelet, `/metrics` for Prometheus, in plain HTTP and plain text. Not listening yet.
 *
 * - alive is whoever answers: a guard that has lost the API server is not helped by a restart;
 * - ready is a guard that knows enough to judge and is not about to leave. Not ready means that the Service sends
 *   reviews to another replica, and without one the failurePolicy decides.
 */
export function healthEndpoint({
  unready,
  leaving,
  metrics,
  connections = healthConnections,
  traffic,
}: HealthModules): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true })
  new ConnectionLimit(app.server, connections, (why) => traffic?.closed(why))
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('Alive.\n'))
  app.get('/readyz', (_request, reply) => {
    const why = leaving() ? 'shutting down; reviews that still arrive are answered.' : unready()
    return reply
      .code(why === undefined ? 200 : 503)
      .type('text/plain')
      .send(why === undefined ? 'Ready.\n' : `Not ready: ${why}\n`)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  )
  return app
}
