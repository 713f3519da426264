import fc from 'fast-check'
import t from 'tap'
import { ClusterState } from '../../../src/commands/check/cluster-state.ts'
import { applied, patchProposal, proposalOf, replaced } from '../../../src/commands/check/proposal.ts'
import { snapshotOf } from '../../../src/commands/check/snapshot.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { rawOf } from '../../../src/longhorn/raw.ts'
import { anyWorld } from '../../fixtures/any-world.ts'
import { admin, parsed } from '../../fixtures/cluster.ts'
import { disk, rawImage, rawNode, ready } from '../../fixtures/raw-objects.ts'

const longhorn = { apiVersion: 'longhorn.io/v1beta2' }

t.test('an object written out and read again is the same, for all that decisions need', (t) => {
  fc.assert(
    fc.property(anyWorld, ({ nodes, images, sources }) => {
      const objects = [
        ...[...nodes.values()].map((raw) => parsed('Node', raw)),
        ...[...images.values()].map((raw) => parsed('BackingImage', raw)),
        ...[...sources.values()].map((raw) => parsed('BackingImageDataSource', raw)),
      ]
      for (const object of objects) {
        const again = kinds[object.kind].parse(JSON.parse(JSON.stringify(rawOf(object))))
        t.strictSame(again, { ok: true, value: object })
      }
    }),
    { numRuns: 50 },
  )
  const marked = parsed('Node', {
    metadata: {
      name: 'n1',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'longhorn.io/delete-node-from-longhorn': '', 'holdfast.dev/override': 'fire' },
    },
  })
  t.strictSame(parsed('Node', rawOf(marked)), marked)
  const since = '2026-01-01T12:00:00.000Z'
  const down = parsed(
    'Node',
    rawNode('n1', [disk('d1', { notReady: { reason: 'DiskNotReady' } })], {
      notReady: { reason: 'KubernetesNodeGone', since, writtenAt: since },
      metadata: { generation: 7 },
    }),
  )
  t.strictSame(parsed('Node', rawOf(down)), down)
  const used = { backingImage: 'i', diskID: 'd', nodeID: 'n', volumeSize: '1024' }
  const copied = { size: 1024, diskFileStatusMap: { d: { state: 'in-progress', progress: 50 } } }
  const others = [
    parsed('Replica', { metadata: { name: 'r' }, spec: used }),
    parsed('BackingImage', { metadata: { name: 'i' }, status: copied }),
    parsed('BackingImageManager', { metadata: { name: 'm' }, spec: { diskUUID: 'd' }, status: {} }),
    parsed('BackingImageDataSource', { metadata: { name: 's' }, spec: { diskUUID: '' } }),
    parsed('Setting', { metadata: { name: 's' }, value: 'v' }),
    parsed('Node', { metadata: { name: 'n' }, status: { diskStatus: { d: { diskUUID: '' } } } }),
  ]
  for (const object of others) t.strictSame(parsed(object.kind, rawOf(object)), object)
  t.end()
})

t.test('a snapshot holds no secret, and no setting that no decision needs', (t) => {
  const image = { ...rawImage('ubuntu', [ready('d1')]), ...longhorn, kind: 'BackingImage' }
  const state = new ClusterState(0)
  state.add({
    ...image,
    spec: { ...image.spec, sourceParameters: { url: 'https://SECRET@example.com' } },
    metadata: { ...image.metadata, annotations: { token: 'SECRET' } },
  })
  for (const name of ['backup-target-credential-secret', 'current-longhorn-version'])
    state.add({
      ...longhorn,
      kind: 'Setting',
      metadata: { name },
      value: name.startsWith('b') ? 'SECRET' : 'v1',
    })
  state.add({ apiVersion: 'v1', kind: 'Secret', data: { key: 'SECRET' } })
  const snapshot = snapshotOf(state.objects, 0)
  t.notMatch(JSON.stringify(snapshot), 'SECRET')
  t.match(snapshot, {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Snapshot',
    takenAt: '1970-01-01T00:00:00.000Z',
    items: [
      { kind: 'BackingImage', metadata: { name: 'ubuntu' } },
      { kind: 'Setting', metadata: { name: 'current-longhorn-version' }, value: 'v1' },
    ],
  })
  t.end()
})

t.test('the result of kubectl apply on an object', (t) => {
  const last = { spec: { tags: ['old'], disks: { d1: { path: '/1' }, d2: { path: '/2' } } } }
  const key = 'kubectl.kubernetes.io/last-applied-configuration'
  const current = {
    metadata: { name: 'n1', annotations: { [key]: JSON.stringify(last) } },
    spec: {
      tags: ['old'],
      evictionRequested: true,
      disks: { d1: { path: '/1' }, d2: { path: '/2' }, d3: {} },
    },
    status: { state: 'ready' },
  }
  t.match(applied(current, { spec: { disks: { d1: { path: '/one' } } }, status: { state: 'lost' } }), {
    spec: { evictionRequested: true, disks: { d1: { path: '/one' }, d3: {} } },
    status: { state: 'ready' },
  })
  const after = applied(current, { spec: { disks: { d1: {} } } }) as {
    spec: { disks: object; tags?: unknown }
  }
  t.strictSame(Object.keys(after.spec.disks), ['d1', 'd3'], 'what was applied before and is not now, goes')
  t.equal(after.spec.tags, undefined)
  const never = { ...current, metadata: { name: 'n1' } }
  t.match(applied(never, { spec: { disks: {} } }), { spec: { disks: { d1: {}, d2: {}, d3: {} } } })
  const garbled = { ...current, metadata: { annotations: { [key]: '{' } } }
  t.match(applied(garbled, { spec: {} }), { spec: { disks: { d2: {} } } })
  t.end()
})

t.test('the result of kubectl replace on an object', (t) => {
  const current = {
    metadata: { name: 'n1', uid: 'u', resourceVersion: '7' },
    spec: { a: 1 },
    status: { b: 2 },
  }
  t.match(replaced(current, { metadata: { name: 'n1', labels: { x: 'y' } }, spec: {} }), {
    metadata: { name: 'n1', uid: 'u', resourceVersion: '7', labels: { x: 'y' } },
    spec: {},
    status: { b: 2 },
  })
  t.end()
})

t.test('valid and invalid proposals', (t) => {
  const state = new ClusterState(0)
  const node = { ...rawNode('n1', [disk('d1')]), ...longhorn, kind: 'Node' }
  state.add(node)
  const context = { state, actor: admin, mode: 'apply' } as const
  const patch = (name: string, patch: unknown, type: 'merge' | 'json' = 'merge') =>
    patchProposal({ kind: 'Node', name, type, patch }, context)
  t.match(patch('n1', { spec: { evictionRequested: true }, status: null }), {
    outcome: 'review',
    what: 'UPDATE of Node n1',
    review: {
      request: {
        object: { spec: { evictionRequested: true }, status: node.status },
        oldObject: node,
        dryRun: true,
      },
    },
  })
  t.match(patch('n1', [{ op: 'test', path: '/spec/evictionRequested', value: true }], 'json'), {
    outcome: 'unusable',
    problem: /the test failed/,
  })
  t.match(patch('n1', [1], 'merge'), { outcome: 'unusable', problem: /is not an object/ })
  t.match(patch('n1', 'foo', 'merge'), { outcome: 'unusable', problem: /is not an object/ })
  const renaming = [
    { metadata: { name: 'x' } },
    { kind: 'BackingImage' },
    { apiVersion: 'v1' },
    { metadata: null },
  ]
  for (const change of renaming)
    t.match(patch('n1', change, 'merge'), { outcome: 'unusable', problem: /which the API server rejects/ })
  t.match(patch('n2', {}), { outcome: 'unusable', problem: /the object to patch does not exist/ })
  t.match(proposalOf({ ...longhorn, kind: 'Node', metadata: { name: 'n2' } }, context), {
    outcome: 'review',
    what: 'CREATE of Node n2',
  })
  t.match(proposalOf({ ...longhorn, kind: 'Node' }, context), {
    outcome: 'unusable',
    problem: /no metadata.name/,
  })
  t.match(proposalOf({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, context), {
    outcome: 'not-judged',
    what: 'Node n1',
  })
  const kinds: readonly (readonly [apiVersion: string | undefined, kind: string | undefined, RegExp])[] = [
    [undefined, undefined, /no kind/],
    [undefined, 'Node', /no apiVersion/],
    ['longhorn.io/v1beta2', 'Nodes', /did you mean Node\?/],
    ['longhorn.io/v1beta2', 'backingimage', /did you mean BackingImage\?/],
    ['longhorn.io/v1', 'Node', /no version v1;/],
    ['longhorn.io', 'Node', /no version;/],
    ['longhron.io/v1beta2', 'Node', /did you mean longhorn.io\?/],
    ['longhorn.rancher.io/v1beta1', 'Node', /did you mean longhorn.io\?/],
    ['v1', 'BackingImage', /did you mean longhorn.io\?/],
  ]
  for (const [apiVersion, kind, problem] of kinds) {
    const document = { apiVersion, kind, metadata: { name: 'n1' } }
    t.match(proposalOf(document, context), { outcome: 'unusable', problem }, `${apiVersion} ${kind}`)
  }
  for (const kind of ['Volume', 'SomethingThatIsNew'])
    t.match(
      proposalOf({ ...longhorn, kind, metadata: { name: 'v' } }, context),
      { outcome: 'not-judged' },
      kind,
    )
  const request = { operation: 'DELETE', kind: { kind: 'Node' }, oldObject: node }
  t.match(proposalOf({ kind: 'AdmissionReview', request }, context), { what: 'DELETE of Node n1' })
  t.end()
})

t.test('check reports unknown fields in the API server’s words, with the nearest known field', (t) => {
  const state = new ClusterState(0)
  state.add({ ...rawNode('n1', [disk('d1')]), ...longhorn, kind: 'Node' })
  state.add({ ...rawImage('ubuntu', [ready('d1')]), ...longhorn, kind: 'BackingImage' })
  const context = { state, actor: admin, mode: 'apply' } as const
  const doubts = (kind: 'Node' | 'BackingImage' | 'BackingImageDataSource', name: string, fields: object) =>
    proposalOf({ ...longhorn, kind, metadata: { name }, ...fields }, context)
  t.match(
    doubts('Node', 'n1', { spec: { evictonRequested: true, disks: { d1: { evictionrequested: true } } } }),
    {
      doubts: [
        'unknown field "spec.disks.d1.evictionrequested"; did you mean "evictionRequested"?',
        'unknown field "spec.evictonRequested"; did you mean "evictionRequested"?',
      ],
    },
  )
  t.match(doubts('BackingImage', 'ubuntu', { spec: { diskFileSpecMap: { u: { evict: true } } }, sepc: {} }), {
    doubts: ['unknown field "sepc"; did you mean "spec"?', 'unknown field "spec.diskFileSpecMap.u.evict"'],
  })
  t.match(
    doubts('BackingImageDataSource', 's', { spec: { diskUUId: 'u' }, metadata: { name: 's', label: {} } }),
    {
      doubts: [
        'unknown field "metadata.label"; did you mean "labels"?',
        'unknown field "spec.diskUUId"; did you mean "diskUUID"?',
      ],
    },
  )
  const patch = { kind: 'Node', name: 'n1', type: 'merge', patch: { spec: { evicted: true } } } as const
  t.match(patchProposal(patch, context), { doubts: [/unknown field "spec.evicted"/] })
  t.match(doubts('Node', 'n1', { spec: { tags: ['a'] }, status: { odd: 1 } }), { doubts: [] })
  // Its definition keeps whatever it gets.
  t.match(doubts('Node', 'n9', { apiVersion: 'longhorn.io/v1beta1', spec: { odd: 1 } }), { doubts: [] })
  // The definition that stored an object knows its fields.
  state.add({ ...longhorn, kind: 'Node', metadata: { name: 'n2' }, spec: { newer: 1 } })
  t.match(doubts('Node', 'n2', { spec: { tags: [] } }), { doubts: [] })
  t.end()
})
