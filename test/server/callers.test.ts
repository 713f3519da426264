import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { agentFor, ProxyGuard } from '../../src/server/proxy-server.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { parseClientAuthorities } from '../../src/tls/client-authorities.ts'
import { issueClient } from '../../src/tls/issue.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'

t.test('a guard that asks for client certificates counts and reports the callers it rejects', async (t) => {
  const sandbox = await embeddedCluster(t, {})
  const clock = { now: Date.now }
  const authority = await makeAuthority(clock)
  const client = await issueClient(authority, 'kube-apiserver', clock)
  const stranger = await issueClient(authority, 'somebody', clock)
  const configuration = configure([
    {
      ...{ host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s' },
      clientNames: ['kube-apiserver'],
    },
  ])
  const tls = await certificateFor('localhost')
  const path = 'ca.crt'
  const guard = new Guard(configuration, {
    connection: connectTo(sandbox.api.url),
    tls,
    clientCa: { path, authorities: parseClientAuthorities(authority.cert, path) },
    log: createLog('silent', { write: () => undefined }),
  })
  t.teardown(() => guard.stop())
  const { port, healthPort, operatorPort } = await guard.start()
  const statusFor = async (shown: object) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/validate',
      method: 'POST',
      ca: tls.cert,
      agent: false,
      ...shown,
    })
    sent.end('{}')
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode
  }
  const status = async () =>
    (await fetch(`http://127.0.0.1:${operatorPort}/status`)).json() as Promise<object>
  t.match(await status(), { callers: { refused: 0, last: null } })
  t.equal(await statusFor({}), 401)
  t.equal(await statusFor(stranger), 403)
  t.equal(await statusFor(client), 415, 'read, and no JSON')
  t.match(await status(), { callers: { refused: 2, last: { name: 'kube-apiserver', leftMs: Number } } })
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  t.match(metrics, 'holdfast_refused_callers_total{reason="no-certificate"} 1')
  t.match(metrics, 'holdfast_refused_callers_total{reason="other-name"} 1')
  t.match(metrics, /holdfast_client_certificate_expiry_timestamp_seconds 1\.?\d+/)
})

t.test(
  'a guard that checks no caller reports callers as null, and a proxy does not report callers',
  async (t) => {
    const sandbox = await embeddedCluster(t, {})
    const settings = configure([
      {
        ...{ host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s' },
        namespace: 'holdfast',
      },
    ])
    const log = createLog('silent', { write: () => undefined })
    const guard = new Guard(settings, {
      connection: connectTo(sandbox.api.url),
      tls: await certificateFor('localhost'),
      log,
    })
    const server = new URL(sandbox.rest.url)
    const agent = agentFor(server)
    const options = {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      drainMs: 0,
      api: 'longhorn' as const,
      userHeader: undefined,
    }
    const upstream = { server, host: server.host, options: () => ({ agent }) }
    const proxy = new ProxyGuard(settings, options, { connection: connectTo(sandbox.api.url), upstream, log })
    t.teardown(async () => {
      agent.destroy()
      await Promise.all([proxy.stop(), guard.stop()])
    })
    const statusOf = async ({ operatorPort }: { readonly operatorPort: number }) =>
      (await fetch(`http://127.0.0.1:${operatorPort}/status`)).json() as Promise<object>
    t.match(await statusOf(await guard.start()), { callers: null })
    t.notOk('callers' in (await statusOf(await proxy.start())))
  },
)
