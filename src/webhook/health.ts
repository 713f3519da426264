import { fastify, type FastifyInstance } from 'fastify'
import type { Knowledge } from '../gate/ports.ts'

/** What health is told from. */
export interface HealthModules {
  readonly knowledge: Pick<Knowledge, 'synced'>
  /** True once the door is closing. */
  readonly leaving: () => boolean
  readonly metrics: MetricsPage
}

/** What `/metrics` shows, in Prometheus' text format. */
export interface MetricsPage {
  readonly contentType: string
  metrics(): Promise<string>
}

/**
 * `/livez` and `/readyz` for the kubelet, `/metrics` for Prometheus, in plain HTTP and plain text. Not listening yet.
 *
 * - alive is whoever answers: a guard that has lost the API server is not helped by a restart;
 * - ready is who has read all Longhorn objects and is not about to leave. Not ready means that the Service sends
 *   reviews to another replica, and without one the failurePolicy decides.
 */
export function healthEndpoint({ knowledge, leaving, metrics }: HealthModules): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true })
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('Alive.\n'))
  app.get('/readyz', (_request, reply) => {
    const why = unready(knowledge.synced, leaving())
    return reply
      .code(why === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${why ?? 'Ready.'}\n`)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  )
  return app
}

function unready(synced: boolean, leaving: boolean): string | undefined {
  if (leaving) return 'Not ready: shutting down; reviews that still arrive are answered.'
  if (!synced) {
    return 'Not ready: not all Longhorn objects have been read yet, so writes that could raise danger are refused.'
  }
  return undefined
}
