import { connect } from 'node:net'
import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { healthConnections } from '../../src/doors/http/health.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'

const signal = new AbortController().signal

t.test('a denial is in the log, the metrics, and an Event at the object', async (t) => {
  const longhorn = { drainMs: 600_000 }
  const options = { port: 0, release: 'v1.8.0', nodes: 3, images: 2, longhorn, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const lines: string[] = []
  const tls = await certificateFor('localhost')
  const configuration = configure([
    { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' },
  ])
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const guard = new Guard(configuration, { connection: connectTo(sandbox.api.url), tls, log })
  const { port, healthPort } = await guard.start()
  await guard.whenSynced(signal)
  const resource = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural: 'validatingwebhookconfigurations',
  }
  const url = `https://127.0.0.1:${port}/validate`
  await sandbox.client.create(resource, registration({ url, authorityCert: tls.cert, timeoutSeconds: 10 }))

  const client = connectTo(sandbox.api.url)
  t.teardown(() => client.close())
  const objects = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
  const patch = (json: object) =>
    jsonRequest(client, {
      method: 'PATCH',
      path: `${objects}/backingimages/ubuntu-22.04`,
      headers: { 'content-type': 'application/merge-patch+json' },
      json,
      signal,
    })
  // The log must not reveal other annotations of an object.
  await patch({ metadata: { annotations: { 'example.com/token': 'SECRET' } } })
  await t.rejects(patch({ spec: { diskFileSpecMap: null } }), { message: /last-usable-copy/ })

  const idle = Array.from({ length: healthConnections.mostOfPeer }, () => connect(healthPort, '127.0.0.1'))
  for (const socket of idle) socket.on('error', () => undefined).resume()
  await eventually(() => idle.every(({ connecting }) => !connecting))
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  for (const socket of idle) socket.destroy()
  t.match(metrics, 'holdfast_connections_closed_total{port="health",why="idle"} 1')
  t.match(
    lines.filter((line) => line.includes('there are too many')).map((line) => JSON.parse(line) as unknown),
    [{ port: 'health', why: 'idle' }],
  )
  t.match(metrics, 'holdfast_findings_total{rule="last-usable-copy",effect="refuse"} 1')
  t.match(metrics, /holdfast_certificate_expiry_timestamp_seconds 1\.?\d+/)
  t.match(metrics, 'holdfast_disk_map_synced 1')
  const refusal = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ verdict }) => verdict)
  t.match(refusal, {
    msg: 'change refused',
    uid: /^[0-9a-f-]{36}$/,
    schema: 'holdfast.dev/audit/v1',
    verdict: 'refuse',
    findings: [
      { rule: 'last-usable-copy', subjects: [{ image: 'ubuntu-22.04' }] },
      { rule: 'copy-in-use', subjects: [{ image: 'ubuntu-22.04' }] },
    ],
    decisionMs: Number,
  })
  t.notMatch(lines.join(''), 'SECRET')

  await guard.stop()
  const path = '/api/v1/namespaces/longhorn-system/events'
  const query = { fieldSelector: 'involvedObject.name=ubuntu-22.04' }
  const { items } = (await jsonRequest(client, { method: 'GET', path, query, signal })) as {
    items: { reason: string; count: number; involvedObject: { kind: string } }[]
  }
  t.strictSame(
    items.map(({ reason, count, involvedObject }) => [reason, count, involvedObject.kind]).toSorted(),
    ['BelowMinCopies', 'CopyInUse', 'LastUsableCopy'].map((reason) => [reason, 1, 'BackingImage']),
  )
})
