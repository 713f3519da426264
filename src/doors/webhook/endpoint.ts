import type { Server } from 'node:https'
import { fastify, type FastifyInstance } from 'fastify'
import type { ClientAuthorities } from '../../tls/client-authorities.ts'
import type { ServingCertificate } from '../../tls/stored.ts'
import type { LastAnswers } from '../../tls/last-answers.ts'
import { ConnectionLimit } from '../http/connection-limit.ts'
import { type Callers, contextOf } from './callers.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { notServed } from './http-errors.ts'
import { close, type RequestModules, Requests } from './requests.ts'

/** The parts of the endpoint. */
interface EndpointModules extends RequestModules {
  readonly lastAnswers: LastAnswers
  /** Identifies callers; without it every client that reaches the port may send reviews. */
  readonly callers?: { readonly judge: Callers; readonly authorities: ClientAuthorities } | undefined
}

/** The `POST /validate` that is registered with the API server. It does not listen yet. */
export function endpoint(
  tls: ServingCertificate,
  options: ConnectionOptions,
  modules: EndpointModules,
): FastifyInstance<Server> {
  const { lastAnswers, callers } = modules
  const { headersTimeoutMs, requestTimeoutMs, bodyLimitBytes } = options
  const requests = new Requests(options, modules)
  const app = fastify({
    https: {
      ...contextOf(tls, callers?.authorities),
      requestCert: callers !== undefined,
      // A caller without one gets an HTTP answer that says so.
      rejectUnauthorized: false,
      handshakeTimeout: options.handshakeTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: options.lateCheckMs,
    },
    bodyLimit: bodyLimitBytes,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // A 503 during shutdown would be a failed call; late requests are answered.
    return503OnClosing: false,
    clientErrorHandler: lastAnswers.onClientError,
    frameworkErrors: (_error, request, reply) => {
      requests.problem(reply, notServed(request.method, request.url))
    },
    // Two lines a request cost 15 %; decisions are recorded elsewhere.
    logger: false,
  })

  lastAnswers.watch(app.server)
  new ConnectionLimit(app.server, options.connections, (why) => modules.traffic?.closed(why))
  app.addHook('onRequest', requests.received)
  // Of bodies that come in chunks, or are of another type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )
  app.post('/validate', requests.read)
  app.setErrorHandler((error: unknown, request, reply) => {
    // Fastify sets this header if more of the body may come.
    requests.failure(request, reply, error, reply.hasHeader('connection') ? close : undefined)
  })
  return app
}
