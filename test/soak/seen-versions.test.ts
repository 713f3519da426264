import t from 'tap'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { panicText, SeenVersions } from './seen-versions.ts'

const metadataOf = (name: string, version: number) => ({
  ...{ name, namespace: 'longhorn-system', resourceVersion: String(version) },
})
const node = (version: number, evictionRequested: boolean, name = 'node-1'): ClusterObject => ({
  ...{ apiVersion: 'longhorn.io/v1beta2', kind: 'Node', metadata: metadataOf(name, version) },
  spec: { evictionRequested: false, disks: { 'disk-1': { evictionRequested } } },
})
const image = (version: number, wanted: object, real: object): ClusterObject => ({
  ...{ apiVersion: 'longhorn.io/v1beta2', kind: 'BackingImage', metadata: metadataOf('raced', version) },
  ...{ spec: { diskFileSpecMap: wanted }, status: { diskFileStatusMap: real } },
})
const crash = {
  ...{ node: 'node-1', disk: 'disk-1', diskUUID: 'd', image: 'raced', at: '2026-12-01T04:11:47Z' },
  ...{ release: 'v1.8.0', count: 1, restartInMs: 200, message: 'panic' },
  seen: { node: '10', image: '20' },
}

t.test('a panic tells how long the flag that its manager saw had been down', (t) => {
  const seen = new SeenVersions()
  seen.note(node(10, true), 0)
  t.match(seen.panic(crash, 1_000), { nodeForMs: 0, imageForMs: 0 })
  seen.note(node(11, false), 2_000)
  seen.note(node(12, true), 5_000)
  seen.note(node(13, false, 'node-2'), 5_000)
  const panic = seen.panic(crash, 20_000)
  t.match(panic, { nodeForMs: 18_000, imageForMs: 0 })
  t.equal(
    panicText(panic),
    'node-1 at 2026-12-01T04:11:47Z: its flags had changed 18.0 s before, the copies of raced 0.0 s before',
  )
  t.end()
})

t.test('a panic tells how long the clean-up that its manager saw had been over', (t) => {
  const seen = new SeenVersions()
  seen.note(image(20, {}, { d: {} }), 0)
  seen.note(image(22, {}, {}), 3_000)
  t.match(seen.panic(crash, 4_000), { imageForMs: 1_000 })
  t.end()
})

t.test('a write of something else makes no manager late', (t) => {
  const seen = new SeenVersions()
  seen.note(node(10, true), 0)
  for (let version = 11; version < 400; version += 1) seen.note(node(version, true), version)
  t.match(seen.panic(crash, 20_000), { nodeForMs: 0 })
  seen.note(node(400, false), 19_400)
  t.match(seen.panic(crash, 20_000), { nodeForMs: 600 })
  t.end()
})

t.test('a list that tells an old version again tells nothing new', (t) => {
  const seen = new SeenVersions()
  seen.note(node(12, false), 1_000)
  seen.note(node(10, true), 2_000)
  seen.note(node(12, false), 3_000)
  t.match(seen.panic(crash, 4_000), { nodeForMs: 3_000 })
  t.end()
})
