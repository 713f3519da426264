import t from 'tap'
import { findResource } from '../../../src/sandbox/api-server/resources.ts'
import type { AdmissionRequest } from '../../../src/sandbox/api-server/admission/webhook-configuration.ts'
import type { ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { onImage } from '../../../src/sandbox/longhorn-webhook/denied-writes.ts'
import { onNode } from '../../../src/sandbox/longhorn-webhook/denied-writes.ts'

type Spec = Readonly<Record<string, unknown>>
interface Parts {
  readonly spec?: Spec
  readonly status?: Spec
  readonly metadata?: Spec
}

const closed = { allowScheduling: false, evictionRequested: false, diskType: 'filesystem', path: '/a' }
const open = { ...closed, allowScheduling: true }
const empty = { diskStatus: { a: { storageScheduled: 0 } } }

function made(kind: string, { spec, status = empty, metadata = {} }: Parts): ClusterObject {
  return { apiVersion: 'longhorn.io/v1beta2', kind, metadata: { name: 'x', ...metadata }, spec, status }
}

function request(
  kind: 'Node' | 'BackingImage',
  operation: AdmissionRequest['operation'],
  before: Parts | undefined,
  after: Parts | undefined,
): AdmissionRequest {
  const resource = findResource(resources[kind])
  if (!resource) throw new Error(kind)
  return {
    operation,
    resource,
    subresource: undefined,
    namespace: 'longhorn-system',
    name: 'x',
    object: after && made(kind, after),
    oldObject: before && made(kind, before),
    user: { username: 'ann', groups: [] },
    dryRun: false,
    options: {},
  }
}

const condition = (status: string, reason = '') => ({
  conditions: [{ type: 'Ready', status, reason }],
  ...empty,
})
const gone = condition('False', 'KubernetesNodeGone')

t.test('an update of a node is denied as Longhorn denies it', (t) => {
  const node = (more: Spec = {}, disks: Spec = { a: closed }) => ({
    spec: { allowScheduling: false, disks, ...more },
  })
  const flagged = { evictionRequested: true }
  const table: readonly (readonly [what: string, before: Parts, after: Parts, denial: RegExp | undefined])[] =
    [
      ['nothing', node(), node(), undefined],
      ['an eviction of a closed node', node(), node(flagged), undefined],
      [
        'an eviction of an open node',
        node(),
        node({ ...flagged, allowScheduling: true }),
        /cannot be evicted/,
      ],
      [
        'an opening of an evicted node',
        node(flagged),
        node({ ...flagged, allowScheduling: true }),
        /cannot be evicted/,
      ],
      ['an eviction of a closed disk', node(), node({}, { a: { ...closed, ...flagged } }), undefined],
      [
        'an eviction of an open disk',
        node(),
        node({}, { a: { ...open, ...flagged } }),
        /disk a cannot be evicted/,
      ],
      ['an end of an eviction that opens too', node(flagged), node({ allowScheduling: true }), undefined],
      ['a removal of a closed, empty disk', node(), node({}, {}), undefined],
      [
        'a removal of an open disk',
        node({}, { a: open }),
        node({}, {}),
        /disk a of node x cannot be removed/,
      ],
      [
        'a removal of a disk with something on it',
        { ...node(), status: { diskStatus: { a: { storageScheduled: 1 } } } },
        node({}, {}),
        /cannot be removed/,
      ],
      ['another type of a disk', node(), node({}, { a: { ...closed, diskType: 'block' } }), /type of disk a/],
      ['a disk that joins', node(), node({}, { a: closed, b: closed }), undefined],
      [
        'a write while a disk is not in status',
        { ...node(), status: { diskStatus: {} } },
        node(),
        /not the same/,
      ],
      [
        'a write while a removed disk is in status',
        { ...node(), status: { diskStatus: { a: {}, b: {} } } },
        node(),
        /not the same/,
      ],
    ]
  for (const [what, before, after, denial] of table) {
    const denied = onNode(request('Node', 'UPDATE', before, after), { release: 'v1.8.0', replicas: 1 })
    if (denial) t.match(denied?.message, denial, what)
    else t.equal(denied, undefined, what)
  }
  t.end()
})

t.test('a node that is being deleted may lose Longhorn’s finalizer whatever its state', (t) => {
  const metadata = { finalizers: ['longhorn.io', 'other'], deletionTimestamp: '2026-01-01T00:00:00Z' }
  const before = { spec: { disks: { a: closed } }, status: { diskStatus: {} }, metadata }
  const judged = (after: Spec, its = before) =>
    onNode(request('Node', 'UPDATE', its, { ...its, metadata: after }), { release: 'v1.12.2', replicas: 0 })
  t.equal(judged({ ...metadata, finalizers: ['other'] }), undefined)
  t.match(judged({ ...metadata, finalizers: [] }), { code: 403 }, 'but no other one with it')
  t.match(judged(metadata), { code: 403 })
  const { finalizers } = metadata
  t.match(
    judged(
      { finalizers: ['other'] },
      { ...before, metadata: { ...metadata, finalizers, deletionTimestamp: undefined } as never },
    ),
    { code: 403 },
  )
  t.end()
})

t.test('a node that Kubernetes has let go of is closed and nothing else, from 1.12.2 on', (t) => {
  const before = {
    spec: { allowScheduling: true, evictionRequested: false, disks: { a: open } },
    status: gone,
  }
  const { spec } = before
  const judged = (after: Spec, release: string, from: Spec = spec) =>
    onNode(request('Node', 'UPDATE', { ...before, spec: from }, { spec: after, status: gone }), {
      release,
      replicas: 0,
    })
  const off = { ...spec, allowScheduling: false }
  for (const release of ['v1.12.2', 'v1.13.0', 'master-head']) {
    t.equal(judged(off, release), undefined, release)
    t.match(judged({ ...off, disks: { a: closed } }, release), {
      code: 403,
      message: /its disks cannot change/,
    })
    t.match(judged({ ...off, tags: ['x'] }, release), { code: 403, message: /only its scheduling/ })
    t.match(
      judged(off, release, { ...off, evictionRequested: true }),
      { code: 403 },
      'no flag can be cleared',
    )
    t.match(judged(spec, release), { code: 403 }, 'nor an annotation written')
  }
  t.equal(judged({ ...off, disks: { a: closed } }, 'v1.12.1'), undefined)
  t.end()
})

t.test('a deletion of a node is denied from 1.10 on, unless it is missed and empty', (t) => {
  const judged = (
    status: Spec,
    { allowScheduling = false, replicas = 0, release = 'v1.10.0', metadata = {} } = {},
  ) =>
    onNode(request('Node', 'DELETE', { spec: { allowScheduling }, status, metadata }, undefined), {
      release,
      replicas,
    })
  for (const reason of ['KubernetesNodeGone', 'ManagerPodMissing'])
    t.equal(judged(condition('False', reason)), undefined, reason)
  for (const reason of ['ManagerPodDown', 'KubernetesNodeNotReady'])
    t.match(judged(condition('False', reason)), { code: 422, reason: 'Invalid', message: new RegExp(reason) })
  t.match(judged(condition('True')), { message: /it is ready/ })
  t.match(judged(gone, { allowScheduling: true }), { message: /its scheduling is on/ })
  t.match(judged(gone, { replicas: 2 }), { message: /2 replicas are on it/ })
  t.equal(judged(condition('True'), { release: 'v1.9.2' }), undefined)
  const metadata = { annotations: { 'longhorn.io/delete-node-from-longhorn': '' } }
  t.equal(judged(condition('True'), { metadata }), undefined, 'the uninstaller has marked it')
  t.end()
})

t.test('an image is deleted once no replica uses it, and needs a copy', (t) => {
  const facts = { release: 'v1.8.0', replicas: 0 }
  const deletion = request('BackingImage', 'DELETE', { spec: {} }, undefined)
  t.equal(onImage(deletion, facts), undefined)
  t.match(onImage(deletion, { ...facts, replicas: 1 }), { code: 422, message: /replicas use it/ })
  t.match(onImage({ ...deletion, name: '' }, { ...facts, replicas: 1 }), { message: /backing image x/ })
  const update = (spec: Spec) => request('BackingImage', 'UPDATE', { spec: {} }, { spec })
  t.equal(
    onImage(update({ diskFileSpecMap: {}, minNumberOfCopies: 1 }), facts),
    undefined,
    'whatever its copies',
  )
  t.equal(onImage(update({}), facts), undefined)
  t.match(onImage(update({ minNumberOfCopies: 0 }), facts), { code: 422, message: /1 or more/ })
  t.equal(onImage(update({ minNumberOfCopies: 0 }), { ...facts, release: 'v1.6.4' }), undefined)
  t.end()
})
