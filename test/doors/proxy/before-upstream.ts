import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { BodyCut } from '../../../src/doors/http/bodies-under-way.ts'
import type { BodyRefused } from '../../../src/doors/http/connection-limit.ts'
import { defaultProxyOptions, type ProxyDoor, type ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { ProxyServer } from '../../../src/doors/proxy/proxy-server.ts'
import { ask, type Upstream } from '../../../src/doors/proxy/relay.ts'
import { agentFor } from '../../../src/server/proxy-server.ts'
import { ManualTimers } from '../webhook/fake-gate.ts'
import { nobody } from './nobody.ts'

/** A proxy before an upstream that the test controls, with a record of the calls. */
export async function beforeUpstream(
  t: Test,
  answer: http.RequestListener,
  doorOf: (upstream: {
    readonly ask: (outgoing: Parameters<typeof ask>[1]) => Promise<http.IncomingMessage>
  }) => ProxyDoor,
  given: Partial<ProxyOptions> = {},
  log = pino({ level: 'silent' }),
) {
  const asked: string[] = []
  const server = http.createServer({ maxHeaderSize: 100_000 }, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const agent = agentFor(address)
  const upstream: Upstream = { server: address, host: undefined, options: () => ({ agent }) }
  const options = { ...defaultProxyOptions, drainMs: 0, host: '127.0.0.1', port: 0, tls: undefined, ...given }
  const failures: number[] = []
  const cut: BodyCut[] = []
  const refused: BodyRefused[] = []
  const passed: BodyRefused[] = []
  const timers = new ManualTimers()
  const proxy = new ProxyServer(options, {
    upstream,
    door: doorOf({ ask: (outgoing) => ask(upstream, outgoing, options) }),
    log,
    observer: { ...nobody, failed: (status) => failures.push(status) },
    timers,
    traffic: {
      closed: () => undefined,
      cut: (why) => void cut.push(why),
      refused: (why) => void refused.push(why),
      passed: (why) => void passed.push(why),
    },
  })
  const port = await proxy.start()
  const stopUpstream = (): void => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(async () => {
    agent.destroy()
    await proxy.close()
    stopUpstream()
  })
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    asked,
    failures,
    cut,
    refused,
    passed,
    timers,
    server,
    stopUpstream,
  }
}
