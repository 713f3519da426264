import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { ProxyGuard } from '../../src/server/proxy-server.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'

const signal = new AbortController().signal
const log = createLog('silent', process.stderr)
const configuration = configure([
  {
    host: '127.0.0.1',
    port: 0,
    healthPort: 0,
    operatorPort: 0,
    linger: '0s',
    settle: '0s',
    requestTimeout: '5m',
  },
])

/** A cluster, a connection to it for a door, and how long each reservation lasts that the door writes in a Lease. */
async function cluster(t: Test) {
  const longhorn = { drainMs: 600_000 }
  const options = { port: 0, release: 'v1.8.0', nodes: 3, images: 2, longhorn, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const free = connectTo(sandbox.api.url)
  const lasting = new Set<number>()
  const connection: Connection = {
    ...free,
    request: (request) => {
      const [, ms] = /\\"lastsMs\\":(\d+)/.exec(request.body?.toString() ?? '') ?? []
      if (ms !== undefined) lasting.add(Number(ms))
      return free.request(request)
    },
  }
  /** Through whichever API server this client talks to. */
  const evict = async (url: string) => {
    const client = connectTo(url)
    t.teardown(() => client.close())
    const path = `/apis/longhorn.io/v1beta2/namespaces/${sandbox.namespace}/nodes/node-1`
    const headers = { 'content-type': 'application/merge-patch+json' }
    const json = { spec: { allowScheduling: false, evictionRequested: true } }
    await jsonRequest(client, { method: 'PATCH', path, headers, json, signal })
  }
  return { sandbox, connection, lasting, evict }
}

t.test('an admission by the webhook is reserved for as long as this API server may take', async (t) => {
  const { sandbox, connection, lasting, evict } = await cluster(t)
  const tls = await certificateFor('localhost')
  const guard = new Guard(configuration, { connection, tls, log })
  t.teardown(() => guard.stop())
  const { port } = await guard.start()
  await guard.whenSynced(signal)
  await sandbox.client.create(
    { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
    registration({ url: `https://127.0.0.1:${port}/validate`, authorityCert: tls.cert, timeoutSeconds: 10 }),
  )
  await evict(sandbox.api.url)
  t.strictSame([...lasting], [310_000])
})

t.test('an admission by a proxy is reserved for as long as its upstream may take in addition', async (t) => {
  const { sandbox, connection, lasting, evict } = await cluster(t)
  const proxy = new ProxyGuard(
    configuration,
    {
      api: 'kubernetes',
      localOnly: false,
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      drainMs: 0,
      answerMs: 60_000,
    },
    { connection, log, upstream: { server: new URL(sandbox.api.url), host: undefined, options: () => ({}) } },
  )
  t.teardown(() => proxy.stop())
  const { port } = await proxy.start()
  await proxy.whenSynced(signal)
  await evict(`http://127.0.0.1:${port}`)
  t.strictSame([...lasting], [370_000])
})
