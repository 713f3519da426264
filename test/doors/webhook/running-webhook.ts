import { once } from 'node:events'
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import {
  defaultWebhookOptions,
  type WebhookModules,
  type WebhookOptions,
  WebhookServer,
} from '../../../src/doors/webhook/server.ts'
import { fakes } from './fake-gate.ts'
import { testCertificates } from './test-certificates.ts'

const { ca, serving } = await testCertificates()

/** The answer. */
export interface Answered {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A webhook on loopback with a fake gate; the test's end stops it. */
export async function running(
  t: Test,
  options: Partial<WebhookOptions> = {},
  others: Partial<WebhookModules> = {},
) {
  const { gate, log, timers, modules } = fakes()
  const readiness: { why: string | undefined } = { why: undefined }
  const server = new WebhookServer(
    { ...defaultWebhookOptions, host: '127.0.0.1', port: 0, healthPort: 0, tls: serving, ...options },
    { ...modules, unready: () => readiness.why, ...others },
  )
  const { port, healthPort } = await server.start()
  t.teardown(async () => {
    const closed = server.close()
    // Lets lingering and draining come to their ends at once.
    const firing = setInterval(() => timers.fireAll(), 5)
    await closed
    clearInterval(firing)
  })

  const agent = new Agent({ ca, keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())

  /** Sends a review over the one kept-alive connection. */
  const post = async (body: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<Answered> => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/validate?timeout=10s',
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/json' },
      ...(signal ? { signal } : {}),
    })
    sent.end(JSON.stringify(body))
    return read(sent)
  }
  const health = (path: string) => read(get({ host: '127.0.0.1', port: healthPort, path, agent: false }))

  /** Opens a connection and says nothing on it. */
  const silent = async (authority = ca): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  return { server, ca, port, healthPort, gate, log, timers, readiness, agent, post, health, silent }
}

async function read(sent: ReturnType<typeof request>): Promise<Answered> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    sent.once('error', reject)
  })
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode, headers: response.headers, body }
}

/** Waits until something is so, looking again whenever the event loop has turned. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
