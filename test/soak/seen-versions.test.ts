import t from 'tap'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { isTooLate, panicText, SeenVersions } from './seen-versions.ts'

const at = (kind: string, name: string, resourceVersion: number): ClusterObject => ({
  apiVersion: 'longhorn.io/v1beta2',
  kind,
  metadata: { name, namespace: 'longhorn-system', resourceVersion: String(resourceVersion) },
})
const crash = {
  ...{ node: 'node-1', disk: 'disk-1', diskUUID: 'd', image: 'raced', at: '2026-12-01T04:11:47Z' },
  ...{ release: 'v1.8.0', count: 1, restartInMs: 200, message: 'panic' },
  seen: { node: '10', image: '20' },
}

t.test('a panic tells since when there was something newer than its manager saw', (t) => {
  const seen = new SeenVersions()
  seen.note(at('Node', 'node-1', 10), 0)
  seen.note(at('BackingImage', 'raced', 20), 500)
  t.match(seen.panic(crash, 1_000), { nodeForMs: 0, imageForMs: 0 })
  seen.note(at('Node', 'node-1', 11), 2_000)
  seen.note(at('Node', 'node-1', 12), 5_000)
  seen.note(at('Node', 'node-2', 13), 5_000)
  const panic = seen.panic(crash, 20_000)
  t.match(panic, { nodeForMs: 18_000, imageForMs: 0 })
  t.equal(
    panicText(panic),
    'node-1 at 2026-12-01T04:11:47Z: newer versions of its node had come 18.0 s before, of raced 0.0 s before',
  )
  t.end()
})

t.test('a list that tells an old version again says nothing new', (t) => {
  const seen = new SeenVersions()
  seen.note(at('Node', 'node-1', 12), 1_000)
  seen.note(at('Node', 'node-1', 10), 2_000)
  seen.note(at('Node', 'node-1', 12), 3_000)
  t.match(seen.panic(crash, 4_000), { nodeForMs: 3_000 })
  t.end()
})

t.test('a manager is too late if what it saw is older than the guards count for', (t) => {
  const aged = (nodeForMs: number, imageForMs: number) => ({ crash, nodeForMs, imageForMs })
  t.notOk(isTooLate(aged(11_000, 0), 11_000))
  t.ok(isTooLate(aged(11_001, 0), 11_000))
  t.ok(isTooLate(aged(0, 12_000), 11_000))
  t.notOk(isTooLate(aged(0, 0), 11_000), 'what no newer version has come of is the latest')
  t.end()
})
