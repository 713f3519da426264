import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { LastAnswers } from '../../tls/last-answers.ts'
import { isOver, onceOver } from '../../tls/over.ts'
import { BodiesUnderWay, type KeptBody } from '../http/bodies-under-way.ts'
import { ConnectionLimit } from '../http/connection-limit.ts'
import {
  type CallOutcome,
  ClientGone,
  isForeign,
  type JudgedCall,
  type OwnAnswer,
  type ProxyModules,
  type ProxyOptions,
  send,
} from './door.ts'
import { isPlain, plainRequest } from './headers.ts'
import { GaveWay, gaveWayAnswer, JudgedRequest, passOn, warningHeader } from './judged-request.ts'
import { RelayFailure } from './relay-failure.ts'
import { outgoingOf, relay } from './relay.ts'
import { closingHeadOf, tunnel } from './tunnel.ts'
import { notJudged } from './unjudged.ts'

/** A request with a judged write. */
interface Judged {
  readonly judge: (call: JudgedCall) => Promise<CallOutcome>
  /** Aborted when the client has gone. */
  readonly gone: AbortController
  readonly kept: KeptBody
}

/**
 * A server that forwards everything to an upstream unchanged, except the writes that its door judges first.
 */
export class ProxyServer {
  readonly #options: ProxyOptions
  readonly #modules: ProxyModules
  readonly #server: http.Server
  readonly #bodies: BodiesUnderWay
  readonly #limit: ConnectionLimit
  readonly #lastAnswers: LastAnswers
  /** All of them: Node counts neither those with another protocol, nor those before their TLS handshake. */
  readonly #sockets = new Set<Socket>()
  readonly #tunnels = new Set<Duplex>()
  #closing = false

  constructor(options: ProxyOptions, modules: ProxyModules) {
    this.#options = options
    this.#modules = modules
    const serverOptions = {
      maxHeaderSize: options.maxHeaderBytes,
      // Uploads of many GiB have no limit of time; only headers have to come in time.
      requestTimeout: 0,
      headersTimeout: 60_000,
      // Longer than the 60 s of many load balancers, which otherwise might use a connection that is just
      // being closed.
      keepAliveTimeout: 65_000,
      // For TLS: a client that connects and sends nothing must not outlive a shutdown.
      handshakeTimeout: 10_000,
    }
    this.#server = options.tls
      ? https.createServer({ ...serverOptions, ...options.tls })
      : http.createServer(serverOptions)
    const { traffic, timers, door } = modules
    this.#bodies = new BodiesUnderWay(options.bodies, {
      now: () => performance.now(),
      onCut: (why) => (door.watches ? traffic?.passed('busy') : traffic?.cut(why)),
    })
    const inWords = (status: number, sentence: string) => door.failure(status, sentence)
    this.#lastAnswers = new LastAnswers({ inWords, timers })
    this.#lastAnswers.watch(this.#server)
    this.#limit = new ConnectionLimit(this.#server, options.connections, (why) => traffic?.closed(why))
    this.#server.on('connection', (socket: Socket) => {
      if (this.#sockets.has(socket)) return
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('request', (request, response) => this.#handle(request, response))
    this.#server.on(
      'upgrade',
      (request, _: Duplex, head: Buffer) => void this.#upgrade(request, request.socket, head),
    )
  }

  /** Listens. @returns the port @throws if it cannot */
  async start(): Promise<number> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const address: AddressInfo | string | null = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /**
   * Takes effect with the next connection. For a proxy with TLS only.
   *
   * @throws for an unusable certificate; the old one stays
   */
  setCertificate({ cert, key }: { readonly cert: string; readonly key: string }): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext({ cert, key })
  }

  /** How many connections use another protocol now. */
  get tunnels(): number {
    return this.#tunnels.size
  }

  /**
   * Takes no new connection, and ends once all requests in progress have ended, after `drainMs` at the
   * latest.
   */
  async close(): Promise<void> {
    this.#closing = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, this.#options.drainMs)
    await closed
    clearTimeout(timer)
  }

  #handle(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { door, observer } = this.#modules
    // Of a connection that asks too much at once, more has come than is looked at.
    if (isOver(request.socket)) return
    const turnedAway = this.#turnedAway(request)
    if (turnedAway) {
      send(response, turnedAway)
      return
    }
    const judge = door.judge(request.method ?? '', request.url ?? '')
    // In warn mode a write that is too large to read is not stopped.
    const length = Number(request.headers['content-length'] ?? 0)
    const isTooLarge = judge && door.watches && length > this.#options.maxBodyBytes
    observer.came(judge && !isTooLarge ? 'judged' : 'passed')
    if (judge && !isTooLarge) {
      const gone = new AbortController()
      const kept = this.#bodies.watch(request, () => gone.abort(new GaveWay()), door.watches)
      void this.#judged(request, response, { judge, gone, kept })
      return
    }
    response.once('close', () => this.#answered())
    if (isTooLarge) this.#modules.traffic?.passed('too-large')
    this.#pass(request, response, isTooLarge ? tooLarge : undefined)
  }

  /** Forwards a request as it comes. @param why it is not judged, if it should be */
  #pass(request: http.IncomingMessage, response: http.ServerResponse, why: string | undefined): void {
    const sent = relay(this.#modules.upstream, outgoingOf(request), this.#options, {
      answered: (answer) => {
        if (why !== undefined) answer.rawHeaders.push('Warning', warningHeader(notJudged(why)))
        passOn(answer, response)
      },
      failed: (error) => this.#fail(error, request, (answer) => send(response, answer)),
    })
    response.on('close', () => {
      // After the end of the answer this has no effect.
      sent.end()
      // The rest of the body, which an upstream that has already answered does not take.
      if (!request.complete) request.unpipe().resume()
    })
  }

  async #judged(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    { judge, gone, kept }: Judged,
  ): Promise<void> {
    onceOver(response, () => gone.abort(new ClientGone()))
    response.once('close', () => this.#answered())
    try {
      const judged = new JudgedRequest(this.#options, this.#modules)
      const unread = await judged.handle({ request, response, judge, kept, signal: gone.signal })
      kept.release()
      if (unread !== undefined) this.#pass(request, response, unread)
    } catch (error) {
      this.#fail(error, request, (answer) => send(response, answer))
    } finally {
      kept.release()
    }
  }

  async #upgrade(request: http.IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { upstream, door, observer } = this.#modules
    // Node no longer reports its errors.
    socket.on('error', () => socket.destroy())
    // Otherwise a write could pass unjudged by asking for another protocol.
    if (isPlain(request) || door.judge(request.method ?? '', request.url ?? '')) {
      socket.unshift(plainRequest(request, head))
      this.#server.emit(this.#options.tls ? 'secureConnection' : 'connection', socket)
      return
    }
    this.#limit.switched(socket)
    this.#tunnels.add(socket)
    socket.once('close', () => this.#tunnels.delete(socket))
    observer.came('upgrade')
    try {
      const turnedAway = this.#turnedAway(request)
      if (turnedAway) {
        this.#lastAnswers.answerSwitch(socket, turnedAway)
        return
      }
      const tunnelled = await tunnel(upstream, { request, socket, head }, this.#options)
      if (tunnelled.outcome === 'open') return
      socket.write(closingHeadOf(tunnelled.answer))
      // Keeps reading, to notice when the client leaves.
      socket.resume().on('end', () => socket.destroy())
      pipeline(tunnelled.answer, socket, (error) => {
        if (error) socket.destroy()
        else this.#lastAnswers.end(socket)
      })
    } catch (error) {
      this.#fail(error, request, (answer) => this.#lastAnswers.answerSwitch(socket, answer))
    }
  }

  /** When asked, Node closes the connections that are idle then, but none that become idle later. */
  #answered(): void {
    if (this.#closing) setImmediate(() => this.#server.closeIdleConnections())
  }

  /** The answer to a request that is not read any further. */
  #turnedAway(request: http.IncomingMessage): OwnAnswer | undefined {
    const { door } = this.#modules
    if (this.#options.localOnly && isForeign(request.headers)) return door.failure(403, foreign)
    // Some servers read a target up to its #, and others take that as a part of it.
    return request.url?.includes('#') ? door.failure(400, fragment) : undefined
  }

  #fail(error: unknown, { method, url = '' }: http.IncomingMessage, answer: (own: OwnAnswer) => void): void {
    if (error instanceof ClientGone) return
    const { door, log, observer } = this.#modules
    if (error instanceof GaveWay) {
      answer(gaveWayAnswer(error, door))
      return
    }
    // Never the query: that of kubectl exec has its command.
    const [path] = url.split('?', 1)
    if (error instanceof RelayFailure) {
      observer.failed(error.status)
      log.warn({ err: error, method, path }, 'a request could not be forwarded')
      answer(door.failure(error.status, error.message))
      return
    }
    log.error({ err: error, method, path }, 'a request failed within the proxy')
    answer(door.failure(500, 'Holdfast failed to forward this request; its log says why'))
  }
}

/** In every mode: servers read such a request differently, so even forwarding it would be a guess. */
const fragment =
  'Write # as %23: a request target has no # (RFC 9112, 3.2), and servers read one with it in different ways. So the proxy does not forward it, even in mode warn'

const tooLarge = 'its body is larger than any write of this kind needs'

const foreign =
  'This proxy acts with the rights of the user who started it, for programs on the same machine only: use 127.0.0.1 or localhost'
