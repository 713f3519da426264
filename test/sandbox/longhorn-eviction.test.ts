import t from 'tap'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import type { SeedReplica } from '../../src/sandbox/controllers/seed-objects.ts'
import { object } from '../../src/sandbox/json.ts'
import { denial } from './longhorn/fake-cluster.ts'
import {
  change,
  copies,
  evict,
  image,
  markedCopies,
  stopBackingImageManager,
  world,
} from './longhorn/world.ts'

/** Any release that does not crash, so that what follows is about the copies alone. */
const release = 'v1.9.1'

/** Long enough for every copy and clean-up to end. */
const longMs = 20_000

t.test('an eviction', (t) => {
  t.test('of the only copy makes another one first and then removes it', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(1_000)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'in-progress' })
    await w.clock.advanceStepwise(longMs)
    t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
  })

  t.test(
    'removes the copy at once when one ready copy is elsewhere, even below minNumberOfCopies',
    async (t) => {
      const w = await world(t, {
        release,
        images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'], 2)],
        replenishLimit: 0,
      })
      await evict(w, 'node-1/disk-1')
      await w.clock.advanceStepwise(longMs)
      t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
    },
  )

  t.test('adds the new copy and removes the old one in a single write', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'], 2)] })
    w.cluster.deny = ({ plural, before, object: after }) =>
      plural === 'backingimages' && keys(before).some((key) => !keys(after).includes(key))
        ? denial('no copy may be removed now')
        : undefined
    await evict(w, 'node-1/disk-1')
    await w.clock.advanceStepwise(longMs)
    t.same(
      Object.keys(copies(w, 'ubuntu')),
      ['node-1/disk-1', 'node-2/disk-1'],
      'refused, so no new copy either',
    )
    w.cluster.deny = () => undefined
    await w.clock.advanceStepwise(longMs)
    t.same(Object.keys(copies(w, 'ubuntu')), ['node-2/disk-1', 'node-3/disk-1'])
  })

  t.test('deletes every copy if none is ready', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    await stopBackingImageManager(w, 'node-1/disk-1')
    await w.clock.advanceStepwise(1_000)
    await evict(w, 'node-1/disk-1')
    await w.clock.advanceStepwise(1_000)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'pending cleanup' })
  })

  t.test(
    'goes on after the last flag of the node is cleared, although the UI shows it as cancelled',
    async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
      await evict(w, 'node-1/disk-1')
      await w.clock.advanceStepwise(1_000)
      await evict(w, 'node-1/disk-1', false)
      await w.clock.advanceStepwise(500)
      t.same(markedCopies(w, 'ubuntu'), ['node-1/disk-1'])
      await w.clock.advanceStepwise(longMs)
      t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
    },
  )

  t.test('is cancelled when its flag is cleared and another flag of the node stays', async (t) => {
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])] })
    await evict(w, 'node-1/disk-1')
    await evict(w, 'node-1/disk-2')
    await w.clock.advanceStepwise(500)
    t.same(markedCopies(w, 'ubuntu'), ['node-1/disk-1'])
    await evict(w, 'node-1/disk-1', false)
    await w.clock.advanceStepwise(500)
    t.same(markedCopies(w, 'ubuntu'), [])
  })

  t.test('marks no copy on a release that does not evict images', async (t) => {
    const w = await world(t, {
      release: 'v1.6.4',
      images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])],
    })
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(longMs)
    t.same(markedCopies(w, 'ubuntu'), [])
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' })
  })

  t.test('moves replicas, and the backing image they need, to another disk', async (t) => {
    const replicas: SeedReplica[] = [{ volume: 'web', disk: 'node-1/disk-1', image: 'ubuntu' }]
    const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])], replicas })
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(longMs * 2)
    const moved = w.cluster.all('replicas').map(({ spec }) => object(spec))
    t.match(moved, [{ volumeName: 'web', nodeID: 'node-2', diskID: w.seeded.uuidOf('node-2/disk-1') }])
    t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
  })

  t.test('spares a copy in use on newer releases and removes it on older ones', async (t) => {
    const replicas: SeedReplica[] = [{ volume: 'web', disk: 'node-1/disk-1', image: 'ubuntu' }]
    for (const [release, spared] of Object.entries({ 'v1.9.1': true, 'v1.8.1': false })) {
      const images = [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])]
      const w = await world(t, { release, images, replicas })
      // Without a place to go the replica stays.
      for (const node of ['node-2', 'node-3']) {
        await change(w.admin, 'Node', node, (spec) => ({ ...spec, allowScheduling: false }))
      }
      await evict(w, 'node-1')
      await w.clock.advanceStepwise(1_000)
      t.equal(copies(w, 'ubuntu')['node-1/disk-1'] === 'ready', spared, release)
    }
  })
  t.end()
})

function keys(stored: ClusterObject | undefined): string[] {
  return Object.keys(object(object(stored?.spec).diskFileSpecMap))
}
