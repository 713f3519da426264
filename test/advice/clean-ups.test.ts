import t from 'tap'
import { adviceOf } from '../../src/rules/layout.ts'
import { object } from '../../src/sandbox/json.ts'
import {
  annotate,
  comesTrue,
  commandIn,
  guarded,
  images,
  namespace,
  patchDisk,
  type GuardedChoice,
  type World,
  withoutReplicas,
} from '../commands/guarded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { copyOn, evicts, look, warned, without } from './following.ts'

const image = 'backingimages/ubuntu-22.04'
const lingering = 'lingering-eviction'
const longAgo = '2026-01-01T00:00:00Z'
const deleteIt = `kubectl -n ${namespace} delete backingimages.longhorn.io ubuntu-22.04`

/** A cluster whose one image has copies on disk-1 of node-1 and node-2; the latter is used unless `unused`. */
async function copies(t: Parameters<typeof guarded>[0], choice: GuardedChoice = {}, unused = true) {
  const world = await guarded(t, choice)
  const { ask, sandbox } = world
  if (unused) await withoutReplicas(world)
  const [first, second, third] = (['node-1/disk-1', 'node-2/disk-1', 'node-3/disk-1'] as const).map((disk) =>
    sandbox.cluster.uuidOf(disk),
  ) as [string, string, string]
  /** May the copy go, and does it? */
  const mayGo = (uuid: string) => ask('PATCH', `${image}?dryRun=All`, without(uuid))
  const goes = (uuid: string) => ask('PATCH', image, without(uuid))
  return { ...world, first, second, third, mayGo, goes }
}

/** The entries of the image's copies in spec, and their states. */
async function shown({ sandbox }: World) {
  const found = await sandbox.client.get(images, namespace, 'ubuntu-22.04')
  return {
    specs: object(object(found?.spec).diskFileSpecMap),
    files: object(object(found?.status).diskFileStatusMap),
  }
}

t.test('a clean-up passes once no eviction is requested on the node', { skip }, async (t) => {
  const world = await copies(t, { release: 'v1.8.0' })
  const { ask, first, mayGo, goes } = world
  const disks = { 'disk-2': { allowScheduling: false, evictionRequested: true } }
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { disks } })).ok)
  const waits = await mayGo(first)
  t.match(
    waits.text,
    /has to wait: .*allowed once no eviction is requested on node-1.*rule cleanup-during-eviction/s,
  )
  t.match(await look(t, world, waits.text), 'evictionRequested: true')
  const down = { 'disk-2': { evictionRequested: false } }
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { disks: down } })).ok)
  t.match(await goes(first), { ok: true })
  t.strictSame(world.sandbox.longhorn.crashes, [])
})

t.test('a copy stays if its mark is taken off after the eviction was given up', { skip }, async (t) => {
  const world = await copies(t, { release: 'v1.8.0', settings: { settle: '3s' } })
  const { ask, sandbox, first } = world
  const isMarked = async () => object((await shown(world)).specs[first]).evictionRequested === true
  t.ok((await ask('PATCH', 'nodes/node-1', evicts(true))).ok)
  await comesTrue(isMarked)
  // The guard sees the mark a little later than this test does.
  await comesTrue(async () =>
    (await ask('PATCH', 'nodes/node-1?dryRun=All', evicts(false))).text.includes(lingering),
  )
  t.ok((await ask('PATCH', 'nodes/node-1', evicts(false))).ok)
  const advice = adviceOf(warned(world, lingering))
  t.match(advice, /^To keep the copy, set evictionRequested to false in its entry of spec\.diskFileSpecMap/)
  t.match(await look(t, world, advice), new RegExp(`${first}:\\n[^]*?evictionRequested: true`))
  const kept = { [first]: { evictionRequested: false } }
  t.ok((await ask('PATCH', image, { spec: { diskFileSpecMap: kept } })).ok)
  // Until the guard would let it go, and Longhorn has looked again.
  await comesTrue(async () => (await world.mayGo(first)).ok)
  const before = sandbox.longhorn.syncCount('node-1')
  await comesTrue(() => Promise.resolve(sandbox.longhorn.syncCount('node-1') > before + 3))
  t.match(await shown(world), { specs: { [first]: {} }, files: { [first]: { state: 'ready' } } })
  t.notOk(await isMarked())
})

t.test('a copy in use may go once its replica is deleted', { skip }, async (t) => {
  const world = await copies(t, {}, false)
  const { second, mayGo, goes, follow } = world
  const refused = await mayGo(second)
  t.match(refused.text, /is denied: .*Move or delete the replica first.*rule copy-in-use/s)
  const replica = commandIn(refused.text, /replicas\.longhorn\.io [\w-]+/)
  t.match(await look(t, world, refused.text), replica.split(' ')[1] ?? '')
  t.match(await follow(`kubectl -n ${namespace} delete ${replica} --wait=false`), { code: 0 })
  await comesTrue(async () => (await mayGo(second)).ok)
  t.match(await goes(second), { ok: true })
})

t.test('the last usable copy may go once another one is ready', { skip }, async (t) => {
  const world = await copies(t)
  const { ask, first, second, third, mayGo, goes } = world
  t.ok((await goes(second)).ok)
  const refused = await mayGo(first)
  t.match(refused.text, /is denied: .*Wait until another copy is ready.*rule last-usable-copy/s)
  t.match(await look(t, world, refused.text), first)
  t.ok((await ask('PATCH', image, copyOn(third))).ok)
  await comesTrue(async () => (await mayGo(first)).ok)
  t.match(await goes(first), { ok: true })
})

t.test('the last usable copy goes with its image', { skip }, async (t) => {
  const world = await copies(t)
  const { sandbox, first, second, mayGo, goes, follow } = world
  t.ok((await goes(second)).ok)
  t.match((await mayGo(first)).text, /delete the backing image if you no longer need it/)
  t.match(await follow(deleteIt), { code: 0 })
  t.equal(await sandbox.client.get(images, namespace, 'ubuntu-22.04'), undefined)
})

t.test('a copy may go once there are enough others, or fewer are wanted', { skip }, async (t) => {
  const world = await copies(t)
  const { ask, first, second, third, mayGo, goes } = world
  t.ok((await ask('PATCH', image, { spec: { minNumberOfCopies: 2 } })).ok)
  const refused = await mayGo(first)
  t.match(
    refused.text,
    /is denied: .*Add a disk to spec\.diskFileSpecMap .* or lower spec\.minNumberOfCopies.*rule below-min-copies/s,
  )
  t.match(await look(t, world, refused.text), 'minNumberOfCopies: 2')
  t.ok((await ask('PATCH', image, copyOn(third))).ok)
  await comesTrue(async () => (await mayGo(first)).ok)
  t.match(await goes(first), { ok: true })

  t.match((await mayGo(second)).text, /is denied: .*rule below-min-copies/s)
  t.ok((await ask('PATCH', image, { spec: { minNumberOfCopies: 1 } })).ok)
  t.match(await goes(second), { ok: true })
})

t.test('of a lost copy that goes it is watched that another one is made', { skip }, async (t) => {
  const world = await copies(t)
  const { ask, sandbox, first, third, goes } = world
  t.ok((await ask('PATCH', image, { spec: { minNumberOfCopies: 2 } })).ok)
  // Here a write stands in for Longhorn's controllers after a machine is gone, beside a copy that still
  // counts as ready.
  await sandbox.longhorn.stop()
  const gone = { type: 'Ready', status: 'False', reason: 'KubernetesNodeGone' }
  t.ok((await ask('PATCH', 'nodes/node-1/status', { status: { conditions: [gone] } })).ok)
  await comesTrue(async () => (await world.mayGo(first)).ok)
  t.match(await goes(first), { ok: true })
  const advice = adviceOf(warned(world, 'below-min-copies'))
  t.match(advice, /^Watch that Longhorn makes another copy\. Look: /)
  t.ok((await ask('PATCH', image, copyOn(third))).ok)
  const made = { diskFileStatusMap: { [first]: null, [third]: { state: 'ready', progress: 100 } } }
  t.ok((await ask('PATCH', `${image}/status`, { status: made })).ok)
  t.equal((await look(t, world, advice)).match(/state: ready$/gm)?.length, 2)
})

t.test('a first file is made on another node, or once no eviction is requested', { skip }, async (t) => {
  const world = await copies(t, { release: 'v1.8.0' })
  const { ask, sandbox, first, third } = world
  const from = await sandbox.client.get(images, namespace, 'ubuntu-22.04')
  // Longhorn itself would choose another node at once.
  await sandbox.longhorn.stop()
  const disks = { 'disk-2': { allowScheduling: false, evictionRequested: true } }
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { disks } })).ok)
  const spec = { ...object(from?.spec), diskFileSpecMap: {} }
  const made = (kind: string, name: string, spec: object) => ({
    apiVersion: 'longhorn.io/v1beta2',
    kind,
    metadata: { name, namespace },
    spec,
  })
  const place = (name: string, node: string, diskUUID: string) => {
    const source = {
      nodeID: node,
      diskUUID,
      diskPath: '/mnt',
      sourceType: 'download',
      fileTransferred: false,
    }
    return ask('POST', 'backingimagedatasources', made('BackingImageDataSource', name, source))
  }
  for (const name of ['elsewhere', 'later'])
    t.ok((await ask('POST', 'backingimages', made('BackingImage', name, spec))).ok)
  const refused = await place('elsewhere', 'node-1', first)
  t.match(
    refused.text,
    /is denied: .*Place the first file on another node, or wait.*rule first-file-during-eviction/s,
  )
  t.match(await look(t, world, refused.text), 'evictionRequested: true')
  t.match(await place('elsewhere', 'node-3', third), { ok: true })

  t.match(await place('later', 'node-1', first), { ok: false })
  const down = { 'disk-2': { evictionRequested: false } }
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { disks: down } })).ok)
  await comesTrue(async () => (await place('later', 'node-1', first)).ok)
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('a disk goes once it is empty, by an eviction or by a clean-up', { skip }, async (t) => {
  const ways: Record<string, (world: Awaited<ReturnType<typeof copies>>) => Promise<{ ok: boolean }>> = {
    eviction: ({ ask }) =>
      patchDisk(ask, 'node-1', 'disk-1', { allowScheduling: false, evictionRequested: true }),
    'clean-up': ({ goes, first }) => goes(first),
  }
  for (const [name, empty] of Object.entries(ways)) {
    const world = await copies(t)
    const refused = await patchDisk(world.ask, 'node-1', 'disk-1', null)
    t.match(refused.text, /is denied: .*Empty the disk first.*rule disk-removal-with-copies/s, name)
    t.match(await look(t, world, refused.text), world.first)
    t.match(await empty(world), { ok: true }, name)
    await comesTrue(async () => !(await look(t, world, refused.text)).includes(world.first))
    // As Longhorn asks, once its manager has counted what is left.
    t.ok((await patchDisk(world.ask, 'node-1', 'disk-1', { allowScheduling: false })).ok, name)
    await comesTrue(async () => (await patchDisk(world.ask, 'node-1', 'disk-1', null)).ok)
  }
})

t.test('a node that has just gone down is waited for, until it is back or lost', { skip }, async (t) => {
  for (const [lostAfter, isBack] of [
    ['10m', true],
    ['4s', false],
  ] as const) {
    const world = await copies(t, { settings: { lostAfter } })
    const { ask, sandbox } = world
    const mayGo = () => ask('DELETE', 'nodes/node-1?dryRun=All')
    await sandbox.longhorn.powerOff('node-1')
    const refused = await mayGo()
    t.match(
      refused.text,
      /Bring the node back: .* an eviction does nothing until it works again\. A node that has been/,
    )
    t.match(refused.text, `down for longer than ${isBack ? '10m' : '4s'} may be removed`)
    if (isBack) {
      await sandbox.longhorn.powerOn('node-1')
      t.ok((await ask('PATCH', 'nodes/node-1', evicts(true))).ok)
    }
    await comesTrue(async () => (await mayGo()).ok)
    t.match(await ask('DELETE', 'nodes/node-1'), { ok: true })
  }
})

t.test(
  'the last copy on a disk that is lost is given up by an override in the same write',
  { skip },
  async (t) => {
    const world = await copies(t)
    const { ask, sandbox, second, goes, verdicts } = world
    t.ok((await goes(second)).ok)
    // As its manager writes of a disk without longhorn-disk.cfg.
    await sandbox.longhorn.stop()
    const condition = { type: 'Ready', status: 'False', reason: 'NoDiskInfo', lastTransitionTime: longAgo }
    const status = { conditions: [condition], storageScheduled: 0 }
    t.ok((await ask('PATCH', 'nodes/node-1/status', { status: { diskStatus: { 'disk-1': status } } })).ok)
    const cleanUp = () => patchDisk(ask, 'node-1?dryRun=All', 'disk-1', null)
    await comesTrue(async () =>
      (await cleanUp()).text.includes(
        'To give the copy up all the same: disable the scheduling of the disk, and set annotation holdfast.dev/override to the reason',
      ),
    )
    t.ok((await patchDisk(ask, 'node-1', 'disk-1', { allowScheduling: false })).ok)
    const write = (reason: string) =>
      ask('PATCH', 'nodes/node-1', {
        metadata: { annotations: { 'holdfast.dev/override': reason } },
        spec: { disks: { 'disk-1': null } },
      })
    t.match(await write(' '), { ok: false, text: /annotation holdfast\.dev\/override needs a reason/ })
    t.match(await write('the machine burnt down'), { ok: true })
    t.match(verdicts.at(-1), { override: { reason: 'the machine burnt down' } })
  },
)

t.test('the last copy on a node that is gone is given up with the node', { skip }, async (t) => {
  const world = await copies(t)
  const { ask, sandbox, second, goes, follow, verdicts } = world
  t.ok((await goes(second)).ok)
  await sandbox.longhorn.letGo('node-1')
  const refused = await patchDisk(ask, 'node-1', 'disk-1', null)
  t.match(
    refused.text,
    'To give the copy up all the same, delete the whole node: disable the scheduling of the node',
  )
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { allowScheduling: false } })).ok)
  const written = await follow(commandIn(refused.text, annotate).replace('<why>', 'the machine burnt down'))
  t.equal(written.code, 0, written.stderr)
  t.match(await ask('DELETE', 'nodes/node-1'), { ok: true })
  t.match(verdicts.at(-1), { override: { reason: 'the machine burnt down' } })
})
