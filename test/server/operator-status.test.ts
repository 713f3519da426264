import t from 'tap'
import { readGuardReplica } from '../../src/commands/status/status.ts'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { untilHung } from '../fixtures/limits.ts'

async function flag(url: string, evictionRequested: boolean): Promise<void> {
  const connection = connectTo(url)
  await jsonRequest(connection, {
    method: 'PATCH',
    path: '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/node-1',
    headers: { 'content-type': 'application/merge-patch+json' },
    json: { spec: { allowScheduling: false, evictionRequested } },
    signal: untilHung(),
  })
  connection.close()
}

t.test('a replica reports lengths of time, which another clock can count from', async (t) => {
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 1,
    images: 1,
    longhorn: {},
    report: () => undefined,
  })
  t.teardown(() => sandbox.stop())
  // A flag that came and went before the guard started still counts for it.
  for (const evictionRequested of [true, false]) await flag(sandbox.api.url, evictionRequested)
  const configuration = configure([
    { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '1h' },
  ])
  const log = createLog('error', { write: () => undefined })
  const tls = await certificateFor('localhost')
  const guard = new Guard(configuration, { connection: connectTo(sandbox.api.url), tls, log })
  t.teardown(() => guard.stop())
  const { operatorPort } = await guard.start()
  await guard.whenSynced(untilHung())
  const answer: unknown = await (await fetch(`http://127.0.0.1:${operatorPort}/status`)).json()
  t.match(answer, { settleMs: 3_600_000, settleAfterOutageMs: 90_000, lostAfterMs: 600_000 })
  const parsed = readGuardReplica(answer, 1_000)
  if (!parsed.ok) throw new Error(parsed.problem)
  const [{ node, until } = { node: '', until: 0 }] = parsed.value.settling
  t.equal(node, 'node-1', 'it has just started')
  t.ok(until > 1_000 && until <= 3_601_000, `${until} is counted from when it was heard`)
})
