import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** So many times are kept of what came back. */
const mostAnswers = 1_000

/** What was sent over a connection, and the beginning of what came back for it. */
export interface Exchange {
  /** When the first byte was sent, by `performance.now()`. */
  readonly at: number
  /** Until the first byte came back, in milliseconds. */
  readonly ms: number
}

/** Gives each new connection to one of several ports, as a Service does, and leaves what goes through alone. */
export class Balancer {
  readonly #server
  readonly #sockets: ReadonlySet<Socket>
  readonly #answers: number[]
  readonly #exchanges: Exchange[]
  readonly port: number

  private constructor(
    server: ReturnType<typeof createServer>,
    port: number,
    sockets: ReadonlySet<Socket>,
    answers: number[],
    exchanges: Exchange[],
  ) {
    this.#server = server
    this.port = port
    this.#sockets = sockets
    this.#answers = answers
    this.#exchanges = exchanges
  }

  /** The times of answers since then, by `performance.now()`; each is returned once. */
  answeredAt(since: number): number[] {
    return this.#answers.splice(0).filter((at) => at > since)
  }

  /** The exchanges that began since then: with HTTP/1.1 one for each request, and those of TLS before. Each is returned once. */
  exchangesSince(since: number): Exchange[] {
    return this.#exchanges.splice(0).filter(({ at }) => at > since)
  }

  /**
   * @param choose the port for the next connection; undefined: there is none
   * @param at where it listens
   */
  static async start(
    choose: () => number | undefined,
    at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
  ): Promise<Balancer> {
    const sockets = new Set<Socket>()
    const answers: number[] = []
    const exchanges: Exchange[] = []
    // As a Service passes packets on: Nagle's algorithm would keep a second small write back for 40 ms.
    const server = createServer({ noDelay: true }, (client) => {
      const chosen = choose()
      if (chosen === undefined) {
        client.resetAndDestroy()
        return
      }
      const upstream = connect({ port: chosen, host: '127.0.0.1', noDelay: true })
      let sentAt: number | undefined
      client.on('data', () => (sentAt ??= performance.now()))
      upstream.on('data', () => {
        if (sentAt !== undefined) keep(exchanges, { at: sentAt, ms: performance.now() - sentAt })
        sentAt = undefined
        keep(answers, performance.now())
      })
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    })
    server.listen(at.port, at.host)
    await once(server, 'listening')
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    return new Balancer(server, port, sockets, answers, exchanges)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function keep<T>(all: T[], latest: T): void {
  if (all.length === mostAnswers) all.shift()
  all.push(latest)
}
