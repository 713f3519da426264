// One proxy of the comparison, or the upstream of all, in its own process, by the settings in a message.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import proxy from '@fastify/http-proxy'
import { fastify } from 'fastify'
import { pino } from 'pino'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { saveMemory } from '../../src/save-memory.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../../src/server/proxy-server.ts'
import { serveAt } from '../contest/processes.ts'

/** The settings of a server, sent at its start. */
export type Start =
  | { readonly name: 'upstream'; readonly answer: string }
  | { readonly name: 'http-proxy'; readonly upstream: string }
  | { readonly name: 'holdfast'; readonly upstream: string; readonly of: ProxyOf; readonly api: string }

process.once('message', (start: Start) => serveAt(serve(start)))

function serve(start: Start): Promise<number> {
  switch (start.name) {
    case 'upstream':
      return serveUpstream(start.answer)
    case 'http-proxy':
      return serveBare(start.upstream)
    case 'holdfast':
      return serveHoldfast(start.upstream, start.of, start.api)
  }
}

/** Stands in for Longhorn's REST API and the API server: it gives one answer to everything. */
async function serveUpstream(answer: string): Promise<number> {
  const body = Buffer.from(answer)
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const server = http.createServer((request, response) => {
    request.resume()
    request.once('end', () => response.writeHead(200, headers).end(body))
  })
  server.keepAliveTimeout = keepMs
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function serveBare(upstream: string): Promise<number> {
  const app = fastify({ logger: false, keepAliveTimeout: keepMs })
  await app.register(proxy, { upstream })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

/** As `holdfast proxy` runs it, with the log sent to nowhere. */
async function serveHoldfast(upstream: string, of: ProxyOf, api: string): Promise<number> {
  saveMemory()
  const server = new URL(upstream)
  const agent = agentFor(server)
  const settings = { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' }
  const guard = new ProxyGuard(
    configure([settings]),
    { ...of, host: '127.0.0.1', port: 0, tls: undefined },
    {
      connection: connectTo(api),
      upstream: { server, host: undefined, options: () => ({ agent }) },
      log: pino({ level: 'silent' }),
    },
  )
  const { port } = await guard.start()
  await guard.whenSynced(AbortSignal.timeout(30_000))
  return port
}

/** Longer than the turns of the others. */
const keepMs = 600_000
