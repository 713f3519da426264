import t from 'tap'
import {
  comesTrue,
  commandIn,
  deleteNode,
  guarded,
  type GuardedChoice,
  namespace,
  nodes,
  patchDisk,
  type World,
  withoutReplicas,
} from '../commands/guarded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { copyOn, evicts, without } from './following.ts'

const image = 'backingimages/ubuntu-22.04'
const now = () => new Date().toISOString()
const longAgo = '2026-01-01T00:00:00Z'

/** A cluster whose one image has copies on disk-1 of node-1 and node-2, which no replica uses. */
async function twoCopies(t: Parameters<typeof guarded>[0], choice: GuardedChoice = {}) {
  const world = await guarded(t, choice)
  const { ask, sandbox } = world
  await withoutReplicas(world)
  const first = sandbox.cluster.uuidOf('node-1/disk-1')
  const ofDisk = (status: object) =>
    ask('PATCH', 'nodes/node-1/status', { status: { diskStatus: { 'disk-1': status } } })
  const ofCopy = (status: object | null) =>
    ask('PATCH', `${image}/status`, { status: { diskFileStatusMap: { [first]: status } } })
  const close = () => patchDisk(ask, 'node-1', 'disk-1', { allowScheduling: false })
  const takes = (query = '') => patchDisk(ask, `node-1${query}`, 'disk-1', null)
  return { ...world, first, ofDisk, ofCopy, close, takes, mayTake: () => takes('?dryRun=All') }
}

t.test('a disk that is not ready is brought back, or goes once it is lost', async (t) => {
  for (const [lostAfter, isBack] of [
    ['10m', true],
    ['4s', false],
  ] as const) {
    const { sandbox, ofDisk, close, takes, mayTake, ask } = await twoCopies(t, { settings: { lostAfter } })
    // Its controllers would find the disk well at once.
    await sandbox.longhorn.stop()
    const ready = (status: string) => ({ type: 'Ready', status, lastTransitionTime: now() })
    // Its manager counts such a disk as empty.
    t.ok((await ofDisk({ conditions: [ready('False')], storageScheduled: 0 })).ok)
    await comesTrue(async () =>
      (await mayTake()).text.includes('Bring the disk back: it is not ready, so no clean-up on it ends.'),
    )
    t.match(
      (await mayTake()).text,
      /A disk that has not been ready for longer than \w+ may be removed once every image/,
    )
    if (isBack) {
      t.ok((await ofDisk({ conditions: [ready('True')] })).ok)
      await comesTrue(async () => (await mayTake()).text.includes('Empty the disk first'))
      const spare = without(sandbox.cluster.uuidOf('node-1/disk-1'))
      t.match(await ask('PATCH', image, spare), { ok: true })
    } else {
      t.ok((await close()).ok)
      await comesTrue(async () => (await mayTake()).ok)
      t.match(await takes(), { ok: true })
    }
  }
})

t.test('a disk with a failed copy goes once that is cleaned up', async (t) => {
  const { sandbox, ask, first, ofCopy, ofDisk, close, takes, mayTake } = await twoCopies(t)
  await sandbox.longhorn.stop()
  t.ok((await ofCopy({ state: 'failed', progress: 0 })).ok)
  await comesTrue(async () => (await mayTake()).text.includes('Clean the copy up first, and wait until'))
  t.match(await ask('PATCH', image, without(first)), { ok: true })
  await comesTrue(async () =>
    (await mayTake()).text.includes('Its clean-up is under way: wait until the status of'),
  )
  t.match((await mayTake()).text, 'Longhorn also asks that its scheduling is disabled.')
  t.ok((await ofCopy(null)).ok)
  // So do its managers, once the copy is gone.
  t.ok((await ofDisk({ storageScheduled: 0 })).ok)
  t.ok((await close()).ok)
  t.notMatch((await mayTake()).text, 'Longhorn also asks')
  await comesTrue(async () => (await mayTake()).ok)
  t.match(await takes(), { ok: true })
})

t.test('a release that does not move copies has them cleaned up before their disk goes', async (t) => {
  const { ask, first, close, takes, mayTake, verdicts } = await twoCopies(t, { release: 'v1.6.4' })
  const warnings = async () => {
    await mayTake()
    return (verdicts.at(-1)?.warnings ?? []).map(({ next }) => next).join('\n')
  }
  t.match(
    await warnings(),
    /^This release does not move copies\. Once another copy is ready elsewhere, clean this/,
  )
  t.match(await ask('PATCH', image, without(first)), { ok: true })
  t.ok((await close()).ok)
  await comesTrue(async () => (await warnings()) === '')
  t.match(await takes(), { ok: true })
})

t.test('a clean-up that never ends on a lost disk ends with the disk', async (t) => {
  const { sandbox, ask, first, ofDisk, close, takes } = await twoCopies(t, { release: 'v1.8.0' })
  // From here on its manager does nothing but what the test says.
  await sandbox.longhorn.stop()
  const never = await pendingOn(ask, first)
  const broken = { type: 'Ready', status: 'False', reason: 'NoDiskInfo', lastTransitionTime: longAgo }
  t.ok((await ofDisk({ conditions: [broken], storageScheduled: 0 })).ok)
  await comesTrue(async () =>
    (await never()).text.includes(
      'So this clean-up does not end. Disable the scheduling of disk disk-1, and remove it from node node-1: that is allowed',
    ),
  )
  t.ok((await close()).ok)
  t.match(await takes(), { ok: true })
  await ask('PATCH', 'nodes/node-1/status', { status: { diskStatus: { 'disk-1': null } } })
  await comesTrue(async () => (await never()).ok)
})

t.test('a clean-up that never ends on a lost node ends with the node', { skip }, async (t) => {
  const { sandbox, ask, first, follow } = await twoCopies(t, { release: 'v1.8.0' })
  await sandbox.longhorn.letGo('node-1')
  const never = await pendingOn(ask, first)
  await comesTrue(async () =>
    (await never()).text.includes('So this clean-up does not end. Bring node node-1 back'),
  )
  const { text } = await never()
  t.match(
    text,
    'Longhorn also asks that Kubernetes has no node of that name, that its scheduling is disabled',
  )
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { allowScheduling: false } })).ok)
  const deleted = await follow(`${commandIn(text, deleteNode)} --wait=false`)
  t.equal(deleted.code, 0, deleted.stderr)
  await comesTrue(async () => (await sandbox.client.get(nodes, namespace, 'node-1')) === undefined)
})

/** Cleans the first copy up on a node that does nothing any more. @returns asks to evict that node */
async function pendingOn(ask: World['ask'], first: string) {
  await comesTrue(async () => (await ask('PATCH', `${image}?dryRun=All`, without(first))).ok)
  if (!(await ask('PATCH', image, without(first))).ok) throw new Error('the copy is not cleaned up')
  return () => ask('PATCH', 'nodes/node-1?dryRun=All', evicts(true))
}

t.test('a disk of unknown UUID stands in no way once it is known to be another, or is removed', async (t) => {
  const { sandbox, ask, first } = await twoCopies(t, { release: 'v1.8.0' })
  await sandbox.longhorn.letGo('node-1')
  await comesTrue(async () => (await ask('PATCH', `${image}?dryRun=All`, without(first))).ok)
  t.match(await ask('PATCH', image, without(first)), { ok: true })
  // Nothing finds the UUID of what is added from here on, until the test says so.
  await sandbox.longhorn.stop()
  const joins = async () => {
    const added = await ask('PATCH', 'nodes/node-2', { spec: { disks } })
    // Longhorn knows of the disk, and takes no other write of its node until then.
    await ask('PATCH', 'nodes/node-2/status', { status: { diskStatus: { 'disk-9': { diskUUID: '' } } } })
    return added
  }
  const disks = { 'disk-9': { path: '/mnt/disk-9', diskType: 'filesystem', allowScheduling: false } }
  t.match(await joins(), { ok: true })
  const evict = () =>
    ask('PATCH', 'nodes/node-2?dryRun=All', { spec: { disks: { 'disk-9': { evictionRequested: true } } } })
  await comesTrue(async () =>
    (await evict()).text.includes(
      'It is also allowed once Longhorn has found out that disk disk-9 of node node-2 is another',
    ),
  )
  const evictAll = () =>
    ask('PATCH', 'nodes/node-2?dryRun=All', { spec: { allowScheduling: false, evictionRequested: true } })
  const without9 = { spec: { disks: { 'disk-9': null } } }
  await comesTrue(async () => (await evictAll()).text.includes('or once that disk is removed from the node'))
  t.match(await ask('PATCH', 'nodes/node-2', without9), { ok: true })
  await ask('PATCH', 'nodes/node-2/status', { status: { diskStatus: { 'disk-9': null } } })
  await comesTrue(async () => (await evictAll()).ok)
  t.match(await joins(), { ok: true })
  await comesTrue(async () => !(await evict()).ok)
  const found = { diskUUID: '9a7b0f6e-0000-4000-8000-000000000009' }
  t.match(await ask('PATCH', 'nodes/node-2/status', { status: { diskStatus: { 'disk-9': found } } }), {
    ok: true,
  })
  await comesTrue(async () => (await evict()).ok)
})

t.test('the last copy on a lost disk may go once the disk is back, and was copied from', async (t) => {
  const { sandbox, ask, first } = await twoCopies(t)
  t.match(await ask('PATCH', image, without(sandbox.cluster.uuidOf('node-2/disk-1'))), { ok: true })
  await sandbox.longhorn.letGo('node-1')
  const mayGo = () => ask('PATCH', `${image}?dryRun=All`, without(first))
  await comesTrue(async () =>
    /is denied: .*Bring the disk back, so that Longhorn can copy.*rule last-usable-copy/s.test(
      (await mayGo()).text,
    ),
  )
  await sandbox.longhorn.powerOn('node-1')
  t.ok((await ask('PATCH', image, copyOn(sandbox.cluster.uuidOf('node-3/disk-1')))).ok)
  await comesTrue(async () => (await mayGo()).ok)
  t.match(await ask('PATCH', image, without(first)), { ok: true })
})
