import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import type { ControlPlane } from '../e2e/control-plane.ts'

/** The API server as the guards reach it: now and then the answers about Leases come late. */
export class SlowLeases {
  readonly url: string
  readonly authorityCert: string
  /** So long each read and write of a Lease takes at most, in milliseconds. */
  slowMs = 0
  /** How many were late. */
  slowed = 0
  readonly #server: Server
  readonly #agent: Agent
  readonly #upstream: URL

  private constructor(server: Server, port: number, authorityCert: string, plane: ControlPlane) {
    this.#server = server
    this.url = `https://127.0.0.1:${port}`
    this.authorityCert = authorityCert
    this.#upstream = new URL(plane.server)
    this.#agent = new Agent({ keepAlive: true, ca: plane.authorityCert })
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => void this.#pass(asked, answer))
  }

  static async start(plane: ControlPlane): Promise<SlowLeases> {
    const clock = { now: Date.now }
    const authority = await makeAuthority(clock)
    const serving = await issueServing(authority, { dns: [], ips: ['127.0.0.1'] }, clock)
    const server = createServer({ cert: serving.cert, key: serving.key })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return new SlowLeases(server, port, authority.cert, plane)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await once(this.#server, 'close').catch(() => undefined)
  }

  async #pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const isWatch = asked.url?.includes('watch=') === true
    if (this.slowMs > 0 && !isWatch && asked.url?.includes('/leases') === true) {
      this.slowed += 1
      await wait(Math.random() * this.slowMs)
    }
    const { hostname: host, port } = this.#upstream
    const { method, url: path, headers } = asked
    const passed = request({ agent: this.#agent, host, port, method, path, headers })
    passed.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      answer.flushHeaders()
      response.on('error', () => answer.destroy())
      response.on('close', () => response.complete || answer.destroy())
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  }
}
