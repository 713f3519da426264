import t from 'tap'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { isRefusal } from '../../../src/doors/proxy/unjudged.ts'
import type { Node } from '../../../src/longhorn/node.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { turns } from '../../fixtures/eventually.ts'
import { disk } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const errorOf = (message: string): string => JSON.stringify({ type: 'error', status: 500, message })

const refusals = [
  'admission webhook "guard.holdfast.dev" denied the request: held',
  'admission webhook "x" denied the request without explanation',
  'Internal error occurred: failed calling webhook "validator.longhorn.io": failed to call webhook: EOF',
  'Node.longhorn.io "n1" is invalid: spec.disks: Invalid value',
  'unable to delete backing image: admission webhook "x" denied the request: no',
  'unable to cleanup backing image ubuntu for disk [54982ab1-1dc1 d2]: admission webhook "x" denied the request: no',
]

for (const message of refusals) {
  t.test(`"${message}" is a refusal: nothing was stored`, (t) => {
    t.ok(isRefusal(errorOf(message), '{}'))
    t.end()
  })
}

/** Errors of writes that may still be done, with what somebody named a disk to make them look like refusals. */
const others = [
  'etcdserver: request timed out',
  'etcdserver: request timed out (denied the request)',
  'disk admission webhook "x" denied the request: etcdserver: request timed out',
  'disk a: admission webhook "x y" denied the request: timed out',
  'disk [a: admission webhook "x" denied the request: ]: timed out',
  'timed out: "Node.longhorn.io \\"n1\\" is invalid: x"',
  'disk "a": Node.longhorn.io "n1" is invalid: timed out',
  `${'x'.repeat(400)}: admission webhook "x" denied the request: no`,
]

for (const message of others) {
  t.test(`"${message.slice(0, 80)}" is no refusal`, (t) => {
    t.notOk(isRefusal(errorOf(message), '{}'))
    t.end()
  })
}

t.test('an answer that is no error in JSON is no refusal', (t) => {
  for (const text of ['', 'admission webhook "x" denied the request: no', '[]', '{"message":1}', 'null'])
    t.notOk(isRefusal(text, '{}'), text)
  t.end()
})

t.test('the answer to a client with a very long body is not searched, and is no denial', (t) => {
  const denied = errorOf('admission webhook "guard.holdfast.dev" denied the request: no')
  const said = (size: number) => JSON.stringify({ padding: 'x'.repeat(size) }).replaceAll('x', '\\u0078')
  t.ok(isRefusal(denied, said(10_000)))
  const large = said(500_000)
  // Not of the clock on the wall, which goes on while other processes have their turn.
  const before = process.cpuUsage()
  t.notOk(isRefusal(denied, large))
  const { user, system } = process.cpuUsage(before)
  t.ok(user + system < 50_000, `${user + system} µs of the processor`)
  t.end()
})

t.test('a reservation stays if the client’s own words come back in an error', async (t) => {
  const flags = { evictionRequested: true, allowScheduling: false }
  const n1 = cluster('v1.8.0')
    .node('n1', [disk('d1', flags)])
    .map.node('n1')
  const { modules, reserved } = admitting()
  const read = (): Promise<Node | undefined> => Promise.resolve(n1)
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, { ...unasked, ...modules, read })
  const words = 'd1]: admission webhook "x" denied the request: '
  const message = `unable to update node n1 for disk [${words}]: etcdserver: request timed out`
  const { url } = await beforeUpstream(
    t,
    (_, response) => response.writeHead(500).end(errorOf(message)),
    () => door,
  )
  const body = JSON.stringify({ ...flags, tags: [words] }).replaceAll(' request', '\\u0020request')
  const answer = await fetch(`${url}/v1/nodes/n1`, { method: 'PUT', body })
  t.equal(await answer.text(), errorOf(message))
  await turns()
  t.equal(reserved(), 1)
})
