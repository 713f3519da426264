import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { fieldOf } from '../../json/schema.ts'
import type { ClientAuthorities } from '../../tls/client-authorities.ts'
import type { ServingCertificate } from '../../tls/stored.ts'
import { BodiesUnderWay, type BodyLimits } from '../http/bodies-under-way.ts'
import {
  type BodyRefused,
  ConnectionLimit,
  type ConnectionLimits,
  type TrafficObserver,
  unlessClosed,
} from '../http/connection-limit.ts'
import { defaultFairTurnsLimits, FairTurns } from '../http/fair-turns.ts'
import { leadingUid, parseJson } from './admission-review.ts'
import { type Callers, contextOf } from './callers.ts'
import {
  type ClientErrors,
  encodedProblem,
  type HttpProblem,
  isTooLarge,
  type Log,
  notServed,
  problemOf,
  TooBusy,
  TooManyValues,
  unreadProblem,
} from './http-errors.ts'
import type { Reviewer } from './reviewer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the body of a review, in UTF-16 units. */
    textLength: number
  }
}

/** Limits of the connections the API server makes. */
export interface ConnectionOptions {
  /** Reviews reach 6.3 MB on CREATE (kubernetes.md, The request). In bytes. */
  readonly bodyLimitBytes: number
  /** How many bytes of bodies may be in memory at once, over all connections: a few of the largest. */
  readonly bodies: BodyLimits
  /**
   * The maximum of open connections, in all and for each address; an API server opens one for each review in
   * progress.
   */
  readonly connections: ConnectionLimits
  /**
   * How long an idle connection is kept, in milliseconds: longer than the 90 s after which the API server
   * closes it, since that does not repeat a POST (kubernetes.md, Connections).
   */
  readonly keepAliveTimeoutMs: number
  /**
   * How long headers and body may take to arrive, each counted from the first byte, in milliseconds: longer
   * than the 30 s that a webhook call lasts at most. Node wants the first not above the second.
   */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How long a TLS handshake may take, in milliseconds; the API server gives up after 10 s. */
  readonly handshakeTimeoutMs: number
  /** How often Node looks for late requests, in milliseconds. */
  readonly lateCheckMs: number
}

/** The limits without configuration. */
export const defaultConnectionOptions: ConnectionOptions = {
  bodyLimitBytes: 8 * 1024 * 1024,
  // One API server alone has room for three of the largest.
  bodies: { mostBytes: 32 * 1024 * 1024, mostBytesOfPeer: 24 * 1024 * 1024 },
  connections: { most: 512, mostOfPeer: 256 },
  keepAliveTimeoutMs: 120_000,
  headersTimeoutMs: 32_000,
  requestTimeoutMs: 32_000,
  handshakeTimeoutMs: 10_000,
  lateCheckMs: 30_000,
}

/** The parts of the endpoint. */
interface EndpointModules {
  readonly reviewer: Pick<Reviewer, 'review' | 'unread'>
  readonly clientErrors: ClientErrors
  /** Identifies callers; without it every client that reaches the port may send reviews. */
  readonly callers?: { readonly judge: Callers; readonly authorities: ClientAuthorities } | undefined
  /** Aborted once clients have to send their next request elsewhere. */
  readonly leaving: AbortSignal
  readonly log: Log
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** True if the guard only warns: a review that is not read, since too many wait, passes. */
  readonly watches?: boolean
  /** Called with the effects of the limits. */
  readonly traffic?: TrafficObserver | undefined
}

/** The body of an unread review. */
class UnreadReview {
  readonly uid: string
  readonly error: TooManyValues | TooBusy

  constructor(uid: string, error: TooManyValues | TooBusy) {
    this.uid = uid
    this.error = error
  }
}

/** The `POST /validate` that is registered with the API server. It does not listen yet. */
export function endpoint(
  tls: ServingCertificate,
  options: ConnectionOptions,
  { reviewer, clientErrors, callers, leaving, log, now, watches = false, traffic }: EndpointModules,
): FastifyInstance<Server> {
  const { headersTimeoutMs, requestTimeoutMs, bodyLimitBytes } = options
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
      void problem(reply, notServed(request.method, request.url))
    },
    // Two lines a request cost 15 %; decisions are recorded elsewhere.
    logger: false,
  })

  new ConnectionLimit(app.server, options.connections, (why) => traffic?.closed(why))
  const bodies = new BodiesUnderWay(options.bodies, { now, onCut: (why) => traffic?.cut(why) })
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    bodies.watch(request.raw)
    done()
  })

  // Fastify's own parser rejects a key `__proto__`. JSON.parse accepts it as a key like any other, and maps
  // with free keys are read entry by entry here.
  app.removeAllContentTypeParsers()
  app.decorateRequest('textLength', 0)
  const turns = new FairTurns(defaultFairTurnsLimits)
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString()
    request.textLength = text.length
    const unread = (error: TooManyValues | TooBusy): void => {
      const uid = leadingUid(text)
      if (uid === undefined) done(error)
      else done(null, new UnreadReview(uid, error))
    }
    const parse = (): void => {
      const parsed = parseJson(text)
      if (!(parsed instanceof Error)) done(null, parsed.json)
      // An HTTP error would be a failed call, and pass under `failurePolicy: Ignore`.
      else if (parsed instanceof TooManyValues) unread(parsed)
      else done(parsed)
    }
    turns.take(peerOf(request), text.length, parse, () => {
      const error = new TooBusy()
      // failurePolicy decides about calls that a busy guard does not answer.
      if (watches) unread(error)
      else done(error)
    })
  })

  app.addHook('onRequest', unlessClosed)
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = callers?.judge.refusal(request.raw.socket)
    if (refusal) void problem(reply.header('connection', 'close'), refusal)
    else if (request.is404) void problem(reply, notServed(request.method, request.url))
    else if (isEncoded(request.headers['content-encoding'])) {
      // A small body can unpack to gigabytes, so none is unpacked.
      void problem(reply.headers({ connection: 'close', 'accept-encoding': 'identity' }), encodedProblem)
    } else done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (leaving.aborted) reply.header('connection', 'close')
    done()
  })
  const whyUnread = (error: unknown): BodyRefused | undefined => {
    if (error instanceof TooManyValues) return 'too-many-values'
    if (error instanceof TooBusy) return 'busy'
    return isTooLarge(error) ? 'too-large' : undefined
  }
  app.setErrorHandler((error: unknown, request, reply) => {
    const known = problemOf(error, bodyLimitBytes)
    const why = whyUnread(error)
    if (why) traffic?.refused(why)
    if (known) return problem(reply, known)
    const err = error instanceof Error ? error : new Error(String(error))
    const [path] = request.url.split('?', 1)
    log.error({ err, method: request.method, path }, 'a review was not answered')
    return problem(reply, { status: 500, error: 'Holdfast failed to answer; its log says why.' })
  })

  app.post('/validate', async (request, reply) => {
    const timeout = fieldOf(request.query, 'timeout')
    if (request.body instanceof UnreadReview) {
      const { uid, error } = request.body
      const why = whyUnread(error)
      if (why) traffic?.[watches ? 'passed' : 'refused'](why)
      return reply.send(reviewer.unread(uid, unreadProblem(error)))
    }
    const weight = { bytes: request.textLength, peer: peerOf(request) }
    const answer = reviewer.review(request.body, timeout, () => whileAwaited(reply), weight)
    // During a hold, nothing needs the text of the objects.
    request.body = undefined
    const reviewed = await answer
    if (reviewed.ok) return reply.send(reviewed.value)
    return problem(reply, { status: 400, error: `${reviewed.problem}.` })
  })
  return app
}

/** @param encoding the header Content-Encoding */
function isEncoded(encoding = ''): boolean {
  return encoding.split(',').some((each) => !['', 'identity'].includes(each.trim().toLowerCase()))
}

function peerOf(request: FastifyRequest): string {
  return request.raw.socket.remoteAddress ?? ''
}

/**
 * A signal that aborts when the client goes away without its answer, so that its request is not held any
 * longer.
 */
function whileAwaited(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Error('the client has gone'))
  })
  return gone.signal
}

function problem(reply: FastifyReply, { status, error }: HttpProblem): FastifyReply {
  if (status === 405) reply.header('allow', 'POST')
  // In this form the API server forwards the sentence to its client.
  const body = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: status, message: error }
  return reply.code(status).type('application/json').send(body)
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
