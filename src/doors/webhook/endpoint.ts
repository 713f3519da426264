import type { IncomingHttpHeaders } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { fastify, type FastifyInstance } from 'fastify'
import type { ClientAuthorities } from '../../tls/client-authorities.ts'
import type { ServingCertificate } from '../../tls/stored.ts'
import { BodiesUnderWay } from '../http/bodies-under-way.ts'
import { ConnectionLimit, unlessClosed } from '../http/connection-limit.ts'
import { Answers, type AnswerModules, close } from './answers.ts'
import { type Callers, contextOf } from './callers.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { type ClientErrors, cutShort, encodedProblem, notServed } from './http-errors.ts'

/** The parts of the endpoint. */
interface EndpointModules extends AnswerModules {
  readonly clientErrors: ClientErrors
  /** Identifies callers; without it every client that reaches the port may send reviews. */
  readonly callers?: { readonly judge: Callers; readonly authorities: ClientAuthorities } | undefined
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
}

/** The `POST /validate` that is registered with the API server. It does not listen yet. */
export function endpoint(
  tls: ServingCertificate,
  options: ConnectionOptions,
  modules: EndpointModules,
): FastifyInstance<Server> {
  const { clientErrors, callers, now, traffic } = modules
  const { headersTimeoutMs, requestTimeoutMs, bodyLimitBytes } = options
  const answer = new Answers(modules, bodyLimitBytes)
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
    clientErrorHandler: clientErrors.onClientError,
    frameworkErrors: (_error, request, reply) => {
      answer.problem(reply, notServed(request.method, request.url))
    },
    // Two lines a request cost 15 %; decisions are recorded elsewhere.
    logger: false,
  })

  new ConnectionLimit(app.server, options.connections, (why) => traffic?.closed(why))
  const bodies = new BodiesUnderWay(options.bodies, { now, onCut: (why) => traffic?.cut(why) })

  app.addHook('onRequest', unlessClosed)
  app.addHook('onRequest', (request, reply, done) => {
    const { raw, headers } = request
    const refusal = callers?.judge.refusal(raw.socket)
    if (refusal) answer.problem(reply, refusal, close)
    else if (request.is404) answer.problem(reply, notServed(request.method, request.url))
    // A small body can unpack to gigabytes, so none is unpacked.
    else if (isEncoded(headers['content-encoding']))
      answer.problem(reply, encodedProblem, { ...close, 'accept-encoding': 'identity' })
    else {
      const length = lengthOf(headers)
      if (length === undefined || length > bodyLimitBytes) {
        bodies.watch(raw)
        done()
        return
      }
      // As an API server sends it. Fastify reads it in twice the steps.
      reply.hijack()
      bodies.read(raw, (body) => {
        if (body.length === length) answer.text(request, reply, body.toString())
        else answer.problem(reply, cutShort, close)
      })
    }
  })
  // All others: in chunks, too large, or of another type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )
  app.post('/validate', (request, reply) => {
    const { body } = request
    request.body = undefined
    if (typeof body === 'string') answer.text(request, reply, body)
    else answer.review(request, reply, body, '')
  })
  app.setErrorHandler((error: unknown, request, reply) => {
    // Fastify sets this header if more of the body may come.
    answer.failure(request, reply, error, reply.hasHeader('connection') ? close : undefined)
  })
  return app
}

/** The length of a body of JSON; undefined of all others. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length']
  return headers['content-type'] === 'application/json' && length !== undefined ? Number(length) : undefined
}

/** @param encoding the header Content-Encoding */
function isEncoded(encoding: string | undefined): boolean {
  if (encoding === undefined) return false
  return encoding.split(',').some((each) => !['', 'identity'].includes(each.trim().toLowerCase()))
}

/**
 * The connections of a server. Closing a server closes those that are idle after a request and waits for all
 * others. Node takes a connection without any request for a busy one. Go keeps such connections in reserve,
 * and they would delay the end.
 */
export class Connections {
  /** Below TLS, so that it includes those in their handshake. */
  readonly #open = new Set<Socket>()
  /** Above TLS. */
  readonly #unused = new Set<Socket>()
  #ending = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => remember(this.#open, socket))
    server.on('secureConnection', (socket) => {
      if (this.#ending) socket.destroy()
      else remember(this.#unused, socket)
    })
    server.on('request', ({ socket }) => this.#unused.delete(socket))
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size
  }

  /** Closes those without a request, and those in their handshake as soon as it ends. */
  cutUnused(): void {
    this.#ending = true
    for (const socket of this.#unused) socket.destroy()
  }

  /** Closes all, also busy ones. */
  cutAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

function remember(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
}
