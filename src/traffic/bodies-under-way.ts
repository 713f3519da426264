import type { IncomingMessage } from 'node:http'

interface Body {
  readonly message: IncomingMessage
  readonly peer: string
  bytes: number
}

/**
 * Limits how many bytes of bodies that are still arriving are in memory at once, over all connections. Beyond that the
 * peer with the most of them loses its oldest: what has begun long ago and still has not come whole is in the way of the
 * others. A real review arrives within milliseconds. Its connection is cut, since a client that is still sending hears no
 * answer.
 */
export class BodiesUnderWay {
  readonly #mostBytes: number
  /** The oldest first. */
  readonly #bodies = new Set<Body>()
  #bytes = 0
  #cut = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** How many bytes have come of bodies that are not whole yet. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many bodies were cut off. */
  get cut(): number {
    return this.#cut
  }

  /** Counts the body of a message from now on; to be called before it is read. */
  watch(message: IncomingMessage): void {
    const body: Body = { message, peer: message.socket.remoteAddress ?? '', bytes: 0 }
    this.#bodies.add(body)
    message.on('data', (chunk: Buffer) => {
      if (!this.#bodies.has(body)) return
      body.bytes += chunk.length
      this.#bytes += chunk.length
      while (this.#bytes > this.#mostBytes) this.#cutOne()
    })
    const over = (): void => this.#forget(body)
    message.once('end', over)
    message.once('close', over)
  }

  #forget(body: Body): void {
    if (this.#bodies.delete(body)) this.#bytes -= body.bytes
  }

  #cutOne(): void {
    const oldest = new Map<string, Body>()
    const bytes = new Map<string, number>()
    for (const body of this.#bodies) {
      if (!oldest.has(body.peer) && body.bytes > 0) oldest.set(body.peer, body)
      bytes.set(body.peer, (bytes.get(body.peer) ?? 0) + body.bytes)
    }
    let most: Body | undefined
    for (const [peer, body] of oldest)
      if (!most || (bytes.get(peer) ?? 0) > (bytes.get(most.peer) ?? 0)) most = body
    if (!most) return
    this.#forget(most)
    this.#cut += 1
    most.message.destroy()
  }
}
