import { Registry } from 'prom-client'
import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { anchorCollection, makeAnchor } from '../../src/kubernetes/leases/book-anchor.ts'
import { parseNode } from '../../src/longhorn/node.ts'
import { createLog } from '../../src/observability/log.ts'
import type { Change } from '../../src/rules/change.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { DecisionCore } from '../../src/server/decision-core.ts'
import { eventually } from '../fixtures/eventually.ts'

const signal = new AbortController().signal
const longhornNamespace = 'longhorn-system'
const anchor = `${anchorCollection(longhornNamespace)}/holdfast-book`

t.test('a guard whose book is not that of the others denies dangerous writes', async (t) => {
  const longhorn = { drainMs: 600_000 }
  const options = { port: 0, release: 'v1.8.0', nodes: 3, images: 2, longhorn, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  const client = connectTo(sandbox.api.url)
  await makeAnchor({ connection: client, longhornNamespace }, 'holdfast', signal)
  const lines: string[] = []
  const registry = new Registry()
  const core = new DecisionCore(configure([{ operatorPort: 0 }]), {
    connection: connectTo(sandbox.api.url),
    log: createLog('info', { write: (line) => void lines.push(line) }),
    registry,
  })
  t.teardown(async () => {
    await core.stop()
    client.close()
    await sandbox.stop()
  })
  await core.whenSynced(signal)

  const read = async (name: string) => {
    const path = `/apis/longhorn.io/v1beta2/namespaces/${longhornNamespace}/nodes/${name}`
    const node = parseNode(await jsonRequest(client, { method: 'GET', path, signal }))
    if (!node.ok) throw new Error(node.problem)
    return node.value
  }
  const raise = async (name: string, evictionRequested: boolean, dryRun = false) => {
    const node = await read(name)
    const flag = (raised: boolean) => ({ ...node, spec: { ...node.spec, evictionRequested: raised } })
    const actor = { username: 'ann', groups: [] }
    const request = { uid: 'u', actor, dryRun, door: 'webhook' } as const
    const change: Change = {
      kind: 'Node',
      operation: 'UPDATE',
      before: flag(!evictionRequested),
      after: flag(evictionRequested),
      request,
    }
    return (await core.gate.decide(change, { budgetMs: 10_000, signal })).verdict
  }
  const move = (namespace: string) =>
    jsonRequest(client, {
      method: 'PATCH',
      path: anchor,
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { metadata: { annotations: { 'holdfast.dev/book-namespace': namespace } } },
      signal,
    })
  const is = async (state: string) =>
    (await registry.metrics()).includes(`holdfast_book_anchor{state="${state}"} 1`)

  t.ok(await is('here'))
  t.match(await raise('node-1', true), { decision: 'allow' })
  t.match(await registry.metrics(), /^holdfast_other_books (0|Nan)$/m)

  await move('default')
  await eventually(() => lines.some((line) => line.includes('evictions and clean-ups are denied')))
  t.ok(await is('elsewhere'))
  t.match(await raise('node-2', true), { decision: 'unavailable', why: 'reservations-unreachable' })
  t.match(await raise('node-2', true, true), { decision: 'unavailable' }, 'nor does a dry run')
  const failure = lines.find((line) => line.includes('a reservation was not made'))
  t.match(failure, 'in namespace default, not in holdfast')
  t.match(await raise('node-2', false), { decision: 'allow' }, 'a clear passes')

  await move('holdfast')
  await eventually(() => lines.filter((line) => line.includes('"anchor":"here"')).length === 2)
  t.match(await raise('node-2', true, true), { decision: 'allow' })
  t.match(await raise('node-2', true), { decision: 'allow' })
})
