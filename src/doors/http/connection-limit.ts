import type { IncomingMessage, Server } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { isOver } from '../../tls/over.ts'
import type { BodyCut } from './bodies-under-way.ts'

/** Limits of open connections. */
export interface ConnectionLimits {
  /** For all peers together. */
  readonly most: number
  /** For one address. */
  readonly mostOfPeer: number
}

/**
 * Why a connection was closed: another took its place while nothing was asked on it, or while its answer was still to
 * come; or it came when all were busy; or it asked too much without waiting for answers.
 */
export type ConnectionClosed = 'idle' | 'busy' | 'refused' | 'pipelined'

/**
 * So many requests may be in flight on one connection. No client of an API server sends a second one before the first is
 * answered. Node hands out all that have come: a megabyte of them would open ten thousand connections to an upstream.
 */
export const mostPipelined = 8

interface Connection {
  readonly key: string
  readonly socket: Socket
  readonly peer: string
  /** How many requests are in progress on it. */
  busy: number
  /** When it became idle, as a number that only grows. */
  idleSince: number
}

/** The observed events of a server, plain or over TLS. */
type Listening = Pick<Server, 'on' | 'prependListener'>

/**
 * Limits the connections of a server, in all and for each peer. At the limit a new one replaces one of that
 * peer, or of the peer with the most, that has been idle for longest. If all of them are busy, a peer with
 * fewer takes the oldest, so that no others can lock out the API server; any other new connection is closed.
 */
export class ConnectionLimit {
  readonly #limits: ConnectionLimits
  readonly #onClosed: ((why: ConnectionClosed) => void) | undefined
  /** By address and port, which are the same below TLS and above. */
  readonly #connections = new Map<string, Connection>()
  /** The same by socket, above TLS too, so that no key is built for each request. */
  readonly #ofSocket = new WeakMap<Socket, Connection>()
  /** How many connections were opened, and requests answered. */
  #steps = 0

  /** @param onClosed called with each connection that is closed because there are too many */
  constructor(server: Listening, limits: ConnectionLimits, onClosed?: (why: ConnectionClosed) => void) {
    this.#limits = limits
    this.#onClosed = onClosed
    server.on('connection', (socket: Socket) => this.#opened(socket))
    // Runs before the listener that answers, which then finds the socket closed: see unlessClosed.
    server.prependListener('request', ({ socket }, response) => {
      const connection = this.#connectionOf(socket)
      if (!connection) return
      connection.busy += 1
      // Node says it once.
      response.on('close', () => {
        connection.busy -= 1
        this.#steps += 1
        connection.idleSince = this.#steps
      })
      if (connection.busy > mostPipelined && !socket.destroyed) {
        this.#onClosed?.('pipelined')
        socket.destroy()
      }
    })
  }

  /** Marks a connection as switched to another protocol: it is busy as long as it lasts. */
  switched(socket: Socket): void {
    const connection = this.#connectionOf(socket)
    if (connection) connection.busy += 1
  }

  #connectionOf(socket: Socket): Connection | undefined {
    const known = this.#ofSocket.get(socket)
    if (known) return known
    const found = this.#connections.get(keyOf(socket))
    if (found) this.#ofSocket.set(socket, found)
    return found
  }

  #opened(socket: Socket): void {
    const key = keyOf(socket)
    // A server that looks at one again has it already.
    if (this.#connections.has(key)) return
    const peer = socket.remoteAddress ?? ''
    if (!this.#makesRoom(peer)) {
      this.#onClosed?.('refused')
      socket.destroy()
      return
    }
    this.#steps += 1
    const connection: Connection = { key, socket, peer, busy: 0, idleSince: this.#steps }
    this.#connections.set(key, connection)
    socket.once('close', () => {
      if (this.#connections.get(key) === connection) this.#connections.delete(key)
    })
  }

  /** @returns false if one more of this peer is too many */
  #makesRoom(peer: string): boolean {
    const { most, mostOfPeer } = this.#limits
    const counts = new Map<string, number>()
    for (const each of this.#connections.values()) counts.set(each.peer, (counts.get(each.peer) ?? 0) + 1)
    const own = counts.get(peer) ?? 0
    if (own >= mostOfPeer) return this.#close(peer, 'idle')
    if (this.#connections.size < most) return true
    const [largest = peer, count = 0] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? []
    return this.#close(largest, 'idle') || (count > own + 1 && this.#close(largest, 'any'))
  }

  /** Closes the one of the peer that was idle for longest. @returns false if it has none of these */
  #close(peer: string, which: 'idle' | 'any'): boolean {
    let first: Connection | undefined
    for (const each of this.#connections.values()) {
      if (each.peer !== peer || (which === 'idle' && each.busy > 0)) continue
      if (!first || each.idleSince < first.idleSince) first = each
    }
    if (!first) return false
    this.#connections.delete(first.key)
    this.#onClosed?.(first.busy > 0 ? 'busy' : 'idle')
    first.socket.destroy()
    return true
  }
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

  constructor(server: HttpsServer) {
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

/**
 * A hook of fastify that takes no notice of requests on a connection that is closed. Of one that asks too much at once a
 * thousand requests more may have come, and each page of metrics takes some milliseconds.
 */
export function unlessClosed(
  { raw }: { readonly raw: IncomingMessage },
  reply: { hijack(): unknown },
  done: () => void,
): void {
  if (isOver(raw.socket)) reply.hijack()
  else done()
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/**
 * Why a body was not read: it is too large, has too many values, came too slowly, or too many waited to be
 * read.
 */
export type BodyRefused = 'too-large' | 'too-many-values' | 'too-slow' | 'busy'

/** The observer of the limits of one port. */
export interface TrafficObserver {
  closed(why: ConnectionClosed): void
  cut(why: BodyCut): void
  /** A body was not read, and its request was refused. */
  refused(why: BodyRefused): void
  /** A body was not read, and its request passed unjudged, since nothing is enforced. */
  passed(why: BodyRefused): void
}
