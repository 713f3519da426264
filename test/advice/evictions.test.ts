import t from 'tap'
import { adviceOf } from '../../src/rules/layout.ts'
import { nodeObject } from '../../src/sandbox/controllers/seed-objects.ts'
import { object, text } from '../../src/sandbox/json.ts'
import {
  comesTrue,
  commandIn,
  deleteImage,
  guarded,
  images,
  namespace,
  sources,
  type World,
  withoutReplicas,
} from '../commands/guarded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { applyDefinition, evicts, look, saidBy, setSchema, warned, without } from './following.ts'

const image = 'backingimages/ubuntu-22.04'

/** May this node be evicted now? */
const mayEvict = ({ ask }: World, node: string) => ask('PATCH', `nodes/${node}?dryRun=All`, evicts(true))

/** Asks for it. */
const evict = ({ ask }: World, node: string) => ask('PATCH', `nodes/${node}`, evicts(true))

/** The node with the spare copy is off, and that copy is to be cleaned up. */
async function stuckCleanUp(world: World): Promise<string> {
  const { sandbox, ask } = world
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  await sandbox.longhorn.powerOff('node-1')
  const removed = await ask('PATCH', image, without(uuid))
  if (!removed.ok) throw new Error(removed.text)
  return uuid
}

t.test(
  'an eviction passes once the clean-up has ended, the manager of the disk runs again, and time has passed',
  { skip },
  async (t) => {
    const settings = { lostAfter: '10m', settle: '3s' }
    const world = await guarded(t, { release: 'v1.8.0', settings })
    const uuid = await stuckCleanUp(world)
    const waits = await mayEvict(world, 'node-1')
    t.match(waits, { ok: false, text: /dry run: evicting .* has to wait: .*rule eviction-during-cleanup/s })
    t.match(waits.text, 'The eviction is allowed as soon as the clean-up ends.')
    t.match(waits.text, `disk UUID ${uuid}`)
    t.match(
      waits.text,
      /The backing image manager of the disk is .*, and deletes nothing until it runs again/,
    )
    t.match(await look(t, world, waits.text), new RegExp(`diskFileStatusMap:[^]*${uuid}`))

    await world.sandbox.longhorn.powerOn('node-1')
    // Without a process that takes its time: the guard says so for three seconds only.
    await comesTrue(async () => /is allowed in about \ds/.test((await mayEvict(world, 'node-1')).text))
    t.notMatch(await look(t, world, waits.text), uuid)
    const passed = await evict(world, 'node-1')
    t.ok(passed.ok, passed.text)
    t.strictSame(world.sandbox.longhorn.crashes, [])
  },
)

t.test('an eviction passes once the first file is made, or its image is deleted', { skip }, async (t) => {
  for (const [end, copyMs] of [
    ['made', 5_000],
    ['deleted', 600_000],
  ] as const) {
    const world = await guarded(t, { times: { copyMs } })
    const { sandbox, ask, follow } = world
    const from = await sandbox.client.get(images, namespace, 'ubuntu-22.04')
    const spec = { ...object(from?.spec), diskFileSpecMap: {} }
    const metadata = { name: 'new', namespace, finalizers: ['longhorn.io'] }
    const made = { apiVersion: 'longhorn.io/v1beta2', kind: 'BackingImage', metadata, spec }
    t.match(await ask('POST', 'backingimages', made), { ok: true })
    /** The disk where Longhorn makes it. */
    let node = ''
    await comesTrue(async () => {
      node = text(object((await sandbox.client.get(sources, namespace, 'new'))?.spec).nodeID)
      return node !== '' && !(await mayEvict(world, node)).ok
    })
    const waits = saidBy((await mayEvict(world, node)).text, 'first-file-unfinished')
    t.match(waits, /allowed once the first file is there .* If it never will be, delete the backing image/)
    t.match(await look(t, world, waits), /fileTransferred: false/)
    const deleteIt = `kubectl -n ${namespace} delete backingimages.longhorn.io new`
    if (end === 'deleted') t.match(await follow(deleteIt), { code: 0 })
    await comesTrue(async () => (await mayEvict(world, node)).ok)
    t.match(await evict(world, node), { ok: true })
  }
})

t.test('an eviction of the only copy passes once it is ready', { skip }, async (t) => {
  const world = await guarded(t)
  const { sandbox, ask } = world
  await withoutReplicas(world)
  t.ok((await ask('PATCH', image, without(sandbox.cluster.uuidOf('node-2/disk-1')))).ok)
  await sandbox.longhorn.powerOff('node-1')
  const isKnown = async (ready: boolean) => (await mayEvict(world, 'node-1')).ok === ready
  await comesTrue(() => isKnown(false))
  const waits = await mayEvict(world, 'node-1')
  t.match(
    waits.text,
    /has to wait: .*allowed once a copy of ubuntu-22\.04 is ready.*rule evict-unready-copy/s,
  )
  t.match(await look(t, world, waits.text), /state: unknown/)
  await sandbox.longhorn.powerOn('node-1')
  await comesTrue(() => isKnown(true))
  t.match(await evict(world, 'node-1'), { ok: true })
})

t.test('an eviction beyond the budget passes when it is its turn', { skip }, async (t) => {
  const world = await guarded(t, { settings: { maxFlaggedNodes: 1, maxPendingCleanups: 1 } })
  const { sandbox, ask } = world
  t.match(await evict(world, 'node-3'), { ok: true })
  const turn = await mayEvict(world, 'node-2')
  t.match(
    turn.text,
    /has to wait: .*allowed once fewer of these nodes have an eviction flag.*rule eviction-budget/s,
  )
  t.match(await look(t, world, saidBy(turn.text, 'eviction-budget')), 'evictionRequested: true')
  t.match(await ask('PATCH', 'nodes/node-3', evicts(false)), { ok: true })
  t.match(await mayEvict(world, 'node-2'), { ok: true })

  const uuid = await stuckCleanUp(world)
  const full = await mayEvict(world, 'node-2')
  t.match(full.text, /has to wait: .*allowed once enough of these clean-ups are done.*rule eviction-budget/s)
  t.match(await look(t, world, saidBy(full.text, 'eviction-budget')), /node-1 .* 1 \(.*\n/, uuid)
  await sandbox.longhorn.powerOn('node-1')
  await comesTrue(async () => (await mayEvict(world, 'node-2')).ok)
  t.match(await evict(world, 'node-2'), { ok: true })
})

t.test('an eviction that leaves too few copies is watched until there are enough', { skip }, async (t) => {
  const world = await guarded(t)
  const { sandbox, ask } = world
  await withoutReplicas(world)
  t.match(await ask('PATCH', image, { spec: { minNumberOfCopies: 2 } }), { ok: true })
  t.match(await evict(world, 'node-1'), { ok: true })
  const advice = adviceOf(warned(world, 'below-min-copies'))
  t.match(advice, /^Let Longhorn make more copies first, or watch that it does/)
  const gone = sandbox.cluster.uuidOf('node-1/disk-1')
  await comesTrue(async () => {
    const shown = await look(t, world, advice)
    return !shown.includes(gone) && (shown.match(/state: ready$/gm)?.length ?? 0) >= 2
  })
  t.match(await look(t, world, advice), /minNumberOfCopies: 2/)
})

t.test('an eviction that no disk can take ends once one can', { skip }, async (t) => {
  const world = await guarded(t)
  const { sandbox, ask } = world
  await withoutReplicas(world)
  t.ok((await ask('PATCH', image, without(sandbox.cluster.uuidOf('node-2/disk-1')))).ok)
  t.ok((await ask('PATCH', image, { spec: { diskSelector: ['golden'] } })).ok)
  t.match(await evict(world, 'node-1'), { ok: true })
  const advice = adviceOf(warned(world, 'no-eviction-target'))
  t.match(advice, /^Give ubuntu-22\.04 a disk that can take a copy/)
  t.match(await look(t, world, advice), 'golden')
  const disks = { 'disk-1': { tags: ['golden'] } }
  t.ok((await ask('PATCH', 'nodes/node-3', { spec: { disks } })).ok)
  const [from, to] = ['node-1/disk-1', 'node-3/disk-1'] as const
  await comesTrue(async () => {
    const shown = await look(t, world, advice)
    return !shown.includes(sandbox.cluster.uuidOf(from)) && shown.includes(sandbox.cluster.uuidOf(to))
  })
  t.match(await look(t, world, advice), 'state: ready')
})

t.test('a definition that drops the copies is replaced, and evictions pass again', { skip }, async (t) => {
  const world = await guarded(t, { images: 4, release: 'v1.8.0', times: { drainMs: 600_000 } })
  const { sandbox, ask } = world
  await withoutReplicas(world)
  const path = (name: string) => `backingimages/${name}`
  const names = ['ubuntu-22.04', 'debian-12', 'fedora-41']
  const kept = new Map<string, object>()
  for (const name of names) {
    kept.set(name, object(object((await sandbox.client.get(images, namespace, name))?.spec).diskFileSpecMap))
    // What the API server drops does not pass any guard: an override brings it about here.
    const metadata = { annotations: { 'holdfast.dev/override': 'the definition drops it' } }
    const dropped = await ask('PATCH', path(name), { metadata, spec: { diskFileSpecMap: null } })
    t.ok(dropped.ok, dropped.text)
  }
  await setSchema(world, { type: 'object', properties: { spec: { type: 'object' } } })
  const waits = await mayEvict(world, 'node-1')
  t.match(
    waits.text,
    /has to wait: .*Apply the CRDs of the running Longhorn release.*rule eviction-during-cleanup/s,
  )
  await look(t, world, waits.text, 1)

  t.match(await applyDefinition(world), { code: 0 })
  t.match(await look(t, world, waits.text), 'diskFileSpecMap')
  for (const [name, diskFileSpecMap] of kept)
    t.ok((await ask('PATCH', path(name), { spec: { diskFileSpecMap } })).ok)
  await comesTrue(async () => (await mayEvict(world, 'node-1')).ok)
  t.match(await evict(world, 'node-1'), { ok: true })
})

t.test('images that are nowhere are listed, and deleted if they are not needed', { skip }, async (t) => {
  const world = await guarded(t, { images: 7 })
  const { sandbox, follow, holdfast } = world
  // A manager that runs serves Longhorn's own webhook.
  t.ok((await world.ask('POST', 'nodes', nodeObject('node-4', [], namespace))).ok)
  await comesTrue(() => Promise.resolve(sandbox.longhorn.isLive('node-4')))
  for (const node of ['node-1', 'node-2', 'node-3']) await sandbox.longhorn.letGo(node)
  const disks = { 'disk-2': { allowScheduling: false, evictionRequested: true } }
  const again = () => world.ask('PATCH', 'nodes/node-1?dryRun=All', { spec: { disks } })
  const ofRule = () => world.verdicts.at(-1)?.warnings.filter(({ rule }) => rule === 'images-nowhere') ?? []
  await comesTrue(async () => (await again()).ok && ofRule().length === 6)
  t.match(ofRule().at(-1), {
    found: /^2 more backing images/,
    next: 'Look them up with holdfast status, which lists them.',
  })
  const listed = (await holdfast('status')).stdout.split('IMAGE NOWHERE')[1] ?? ''
  const names = [...new Set(listed.match(/^(?:ubuntu|debian|fedora|windows|image)-\S+/gm))]
  t.equal(names.length, 7, listed)

  const doctor = async () => (await holdfast('doctor')).stdout
  const advice =
    /If the file is not needed, delete the image, after the volumes that use it: [^\n]*/.exec(
      await doctor(),
    )?.[0] ?? ''
  const first = commandIn(advice, deleteImage)
  await withoutReplicas(world)
  t.match(await follow(`${first} --wait=false`), { code: 0 })
  const name = first.split(' ').at(-1) ?? ''
  await comesTrue(async () => !(await doctor()).includes(`Backing image ${name} has no usable copy`))
})
