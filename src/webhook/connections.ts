import type { Server } from 'node:https'
import type { Socket } from 'node:net'

/**
 * The connections of a server. Closing a server closes those that are idle after a request and waits for all others,
 * and Node takes a connection on which nothing was ever asked for a busy one: Go keeps such in reserve, and they would
 * hold up the end.
 */
export class Connections {
  /** Below TLS, so that those in their handshake are among them. */
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

  /** Cuts those on which nothing was asked, and those that are still in their handshake as soon as it ends. */
  cutUnused(): void {
    this.#ending = true
    for (const socket of this.#unused) socket.destroy()
  }

  /** Cuts all, whatever is going on in them. */
  cutAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

function remember(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
}
