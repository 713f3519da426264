import t from 'tap'
import type { SeedReplica } from '../../src/sandbox/controllers/seed-objects.ts'
import { object } from '../../src/sandbox/json.ts'
import { denial } from './longhorn/fake-cluster.ts'
import {
  change,
  cleanUp,
  copies,
  evict,
  image,
  startBackingImageManager,
  stopBackingImageManager,
  world,
  type World,
} from './longhorn/world.ts'

const backingImages = { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' }

/** Any release that does not crash, so that what follows is about the copies alone. */
const release = 'v1.9.1'

/** Long enough for every copy and clean-up to end. */
const longMs = 20_000

t.test('a clean-up', (t) => {
  t.test('is pending for a while, then the file is gone', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await w.clock.advanceStepwise(1_900)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'pending cleanup', 'node-2/disk-1': 'ready' })
    await w.clock.advanceStepwise(200)
    t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
  })

  t.test('stays pending as long as the backing image manager of the disk does not run', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
    await stopBackingImageManager(w, 'node-1/disk-1')
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await w.clock.advanceStepwise(60_000)
    t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup')
    await startBackingImageManager(w, 'node-1/disk-1')
    await w.clock.advanceStepwise(3_000)
    t.equal(copies(w, 'ubuntu')['node-1/disk-1'], undefined)
  })

  t.test('stays pending as long as the node is off', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
    await w.longhorn.powerOff('node-1')
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await w.clock.advanceStepwise(60_000)
    t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup')
    await w.longhorn.powerOn('node-1')
    await w.clock.advanceStepwise(3_000)
    t.equal(copies(w, 'ubuntu')['node-1/disk-1'], undefined)
  })

  t.test(
    'of an unused copy comes by itself after the time of the setting, down to the wanted number',
    async (t) => {
      const images = [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1', 'node-3/disk-1'], 2)]
      const w = await world(t, { release, images, cleanupWaitMinutes: 60 }, { syncMs: 30_000 })
      await w.clock.advanceStepwise(59 * 60_000)
      t.equal(Object.keys(copies(w, 'ubuntu')).length, 3)
      await w.clock.advanceStepwise(2 * 60_000)
      t.equal(Object.keys(copies(w, 'ubuntu')).length, 2)
    },
  )

  t.test('does not start for a copy that a replica uses', async (t) => {
    const replicas: SeedReplica[] = [
      { volume: 'a', disk: 'node-1/disk-1', image: 'ubuntu' },
      { volume: 'a', disk: 'node-2/disk-1', image: 'ubuntu' },
    ]
    const w = await world(
      t,
      { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1', 'node-3/disk-1'])], replicas },
      { cleanupWaitMs: 60_000 },
    )
    await w.clock.advanceStepwise(120_000)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' })
  })
  t.end()
})

t.test('a copy is unknown while its node is off, and ready again afterwards', async (t) => {
  const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
  await w.longhorn.powerOff('node-1')
  await w.clock.advanceStepwise(1_000)
  t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'unknown', 'node-2/disk-1': 'ready' })
  await w.longhorn.powerOn('node-1')
  await w.clock.advanceStepwise(1_000)
  t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' })
})

t.test('replenishing', (t) => {
  t.test('makes copies up to minNumberOfCopies, on nodes without one first', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'], 3)] })
    await w.clock.advanceStepwise(1_000)
    t.same(Object.values(copies(w, 'ubuntu')).toSorted(), ['in-progress', 'in-progress', 'ready'])
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), {
      'node-1/disk-1': 'ready',
      'node-2/disk-1': 'ready',
      'node-3/disk-1': 'ready',
    })
  })

  t.test('is off when the limit is 0', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'], 3)], replenishLimit: 0 })
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready' })
  })

  t.test('brings no more copies to one node at a time than the limit', async (t) => {
    const images = ['a', 'b', 'c'].map((name) => image(name, ['node-1/disk-1'], 2))
    const w = await world(t, { release, nodes: 2, images, replenishLimit: 1 })
    let most = 0
    w.cluster.onCommit = () => {
      const files = ['a', 'b', 'c'].flatMap((name) => Object.entries(copies(w, name)))
      const underWay = files.filter(([disk, state]) => disk.startsWith('node-2/') && state === 'in-progress')
      most = Math.max(most, underWay.length)
    }
    await w.clock.advanceStepwise(longMs)
    t.equal(most, 1)
    t.same(
      ['a', 'b', 'c'].map((name) => Object.values(copies(w, name))),
      Array(3).fill(['ready', 'ready']),
    )
  })

  t.test('leaves out nodes and disks that take nothing new', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    await change(w.admin, 'Node', 'node-2', (spec) => ({ ...spec, allowScheduling: false }))
    await evict(w, 'node-3/disk-1')
    await change(w.admin, 'BackingImage', 'ubuntu', (spec) => ({ ...spec, minNumberOfCopies: 2 }))
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-3/disk-2': 'ready' })
  })

  t.test('heeds the selectors of the image', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    await change(w.admin, 'Node', 'node-3', (spec) => ({ ...spec, tags: ['fast'] }))
    await change(w.admin, 'BackingImage', 'ubuntu', (spec) => ({
      ...spec,
      nodeSelector: ['fast'],
      minNumberOfCopies: 2,
    }))
    await w.clock.advanceStepwise(longMs)
    t.same(Object.keys(copies(w, 'ubuntu')), ['node-1/disk-1', 'node-3/disk-1'])
  })

  t.test('waits for a copy that can be copied', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    const planned = { [w.seeded.uuidOf('node-2/disk-1')]: { dataEngine: 'v1', evictionRequested: false } }
    await w.longhorn.powerOff('node-1')
    await w.clock.advanceStepwise(1_000)
    await change(w.admin, 'BackingImage', 'ubuntu', (spec) => ({
      ...spec,
      diskFileSpecMap: { ...object(spec.diskFileSpecMap), ...planned },
    }))
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'unknown', 'node-2/disk-1': 'pending' })
    await w.longhorn.powerOn('node-1')
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' })
  })
  t.end()
})

t.test('a new image', (t) => {
  t.test(
    'gets its first file on a disk that is free to take it: status, then spec, then transferred',
    async (t) => {
      const w = await world(t, { release })
      const seen: string[] = []
      w.cluster.onCommit = (plural, stored) => {
        const state = copies(w, 'debian')['node-1/disk-1']
        const step =
          plural === 'backingimagedatasources' && object(stored.spec).fileTransferred ? 'transferred' : state
        if (step !== undefined && seen.at(-1) !== step) seen.push(step)
      }
      await createImage(w, 'debian')
      await w.clock.advanceStepwise(longMs)
      t.same(seen, ['pending cleanup', 'in-progress', 'ready', 'transferred'])
      t.same(copies(w, 'debian'), { 'node-1/disk-1': 'ready' })
    },
  )

  t.test('waits while no disk takes anything new', async (t) => {
    const w = await world(t, { release, nodes: 1 })
    await change(w.admin, 'Node', 'node-1', (spec) => ({ ...spec, allowScheduling: false }))
    await createImage(w, 'debian')
    await w.clock.advanceStepwise(longMs)
    t.same(w.cluster.all('backingimagedatasources'), [])
    await change(w.admin, 'Node', 'node-1', (spec) => ({ ...spec, allowScheduling: true }))
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'debian'), { 'node-1/disk-1': 'ready' })
  })

  t.test('tries other disks when admission refuses one', async (t) => {
    const w = await world(t, { release })
    w.cluster.deny = ({ plural, object: { spec } }) =>
      plural === 'backingimagedatasources' && object(spec).nodeID !== 'node-3'
        ? denial('not on this node')
        : undefined
    await createImage(w, 'debian')
    await w.clock.advanceStepwise(longMs)
    t.same(Object.keys(copies(w, 'debian')), ['node-3/disk-1'])
  })
  t.end()
})

t.test('deleting an image removes its files, then its finalizer', async (t) => {
  const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
  await w.admin.delete(backingImages, 'longhorn-system', 'ubuntu')
  await w.clock.advanceStepwise(1_000)
  t.ok(w.cluster.find('backingimages', 'ubuntu'), 'the files are still there')
  await w.clock.advanceStepwise(longMs)
  t.notOk(w.cluster.find('backingimages', 'ubuntu'))
  t.same(w.cluster.all('backingimagedatasources'), [])
})

async function createImage({ admin }: World, name: string): Promise<void> {
  await admin.create(backingImages, {
    apiVersion: 'longhorn.io/v1beta2',
    kind: 'BackingImage',
    metadata: { name, namespace: 'longhorn-system', finalizers: ['longhorn.io'] },
    spec: {
      minNumberOfCopies: 1,
      sourceType: 'download',
      sourceParameters: { url: `https://example.com/${name}` },
    },
  })
}
