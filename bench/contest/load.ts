import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'

/** A request of HTTP, whole. */
export interface Request {
  /** The one with this number. */
  numbered(number: number): Buffer
}

/** The result of one turn. */
export interface Turn {
  readonly answers: number
  readonly seconds: number
  /** How long each answer took, in milliseconds. */
  readonly tookMs: readonly number[]
}

/**
 * Asks one server over connections that stay open, as an API server does: each sends its next request once it has the
 * answer to the last. Answers are read no further than their length, so that the load costs less than the servers.
 */
export class Load {
  readonly #port: number
  readonly #ca: string | undefined
  #sockets: Socket[] = []
  #sent = 0

  /** @param ca of the server's certificate; without one, over plain HTTP */
  constructor(port: number, ca: string | undefined) {
    this.#port = port
    this.#ca = ca
  }

  /** Connects as often, but for the connections that are still open: a server closes those that it has not used for long. */
  async connect(count: number): Promise<void> {
    const open = this.#sockets.filter((socket) => !socket.destroyed)
    const fresh = Array.from({ length: count - open.length }, () => this.#connection())
    this.#sockets = [...open, ...(await Promise.all(fresh))]
  }

  async #connection(): Promise<Socket> {
    const [port, ca] = [this.#port, this.#ca]
    const at = { host: '127.0.0.1', port }
    const socket = ca === undefined ? net.connect(at) : tls.connect({ ...at, ca, servername: 'localhost' })
    await once(socket, ca === undefined ? 'connect' : 'secureConnect')
    // In use, each has its own listener.
    return socket.on('error', () => undefined)
  }

  /** Asks for so long. @throws if an answer is not HTTP 200 */
  async turn(request: Request, ms: number): Promise<Turn> {
    const tookMs: number[] = []
    const began = performance.now()
    await Promise.all(this.#sockets.map((socket) => this.#ask(socket, request, began + ms, tookMs)))
    return { answers: tookMs.length, seconds: (performance.now() - began) / 1_000, tookMs }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #ask(socket: Socket, request: Request, until: number, tookMs: number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let sentAt = 0
      let pending: Buffer = Buffer.alloc(0)
      const send = (): void => {
        this.#sent += 1
        sentAt = performance.now()
        socket.write(request.numbered(this.#sent))
      }
      const onData = (chunk: Buffer): void => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
        const length = answerLength(pending)
        if (length === undefined || pending.length < length) return
        if (!pending.subarray(0, 15).includes(' 200 ')) {
          fail(new Error(`an answer is not 200: ${pending.toString('latin1', 0, 300)}`))
          return
        }
        const now = performance.now()
        tookMs.push(now - sentAt)
        pending = Buffer.alloc(0)
        if (now < until) send()
        else {
          leave()
          resolve()
        }
      }
      const fail = (error: Error): void => {
        leave()
        reject(error)
      }
      const gone = (): void => fail(new Error('the server closed a connection'))
      const leave = (): void => {
        socket.off('data', onData).off('error', fail).off('close', gone)
      }
      socket.on('data', onData).on('error', fail).on('close', gone)
      send()
    })
  }
}

/** How long the whole answer is, in bytes; undefined until its head is there. */
function answerLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end)
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer does not say its length: ${head}`)
  return end + 4 + Number(length)
}
