import t from 'tap'
import { entries, object } from '../../src/sandbox/json.ts'
import { denial } from './longhorn/fake-cluster.ts'
import {
  change,
  cleanUp,
  copies,
  evict,
  image,
  readiness,
  stopBackingImageManager,
  world,
} from './longhorn/world.ts'

const releases = { A: 'v1.8.0', B: 'v1.8.1', C: 'v1.9.1', none: 'v1.6.4' }

/** Long enough for a manager to meet what is pending, too short for a clean-up to end. */
const soonMs = 1_000

/** One image with copies to spare, on both disks of the node. */
const ubuntu = image('ubuntu', ['node-1/disk-1', 'node-1/disk-2', 'node-2/disk-1', 'node-3/disk-1'])

for (const [profile, release] of Object.entries(releases)) {
  const crashesOnAnyDisk = profile === 'A' ? 1 : 0
  const crashesOnThisDisk = profile === 'A' || profile === 'B' ? 1 : 0

  t.test(`on ${release} (profile ${profile})`, (t) => {
    t.test('o1: an eviction of another disk while a clean-up is pending on the node', async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await evict(w, 'node-1/disk-2')
      await w.clock.advanceStepwise(soonMs)
      t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup', 'the clean-up is still pending')
      t.equal(w.longhorn.crashCount('node-1'), crashesOnAnyDisk)
    })

    t.test('o1: an eviction of the same disk whose clean-up is pending', async (t) => {
      const w = await world(t, { release, images: [ubuntu] })
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await evict(w, 'node-1/disk-1')
      await w.clock.advanceStepwise(soonMs)
      t.equal(w.longhorn.crashCount('node-1'), crashesOnThisDisk)
    })

    t.test('o1: an eviction of another node is safe on every release', async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-3/disk-1'])] })
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await evict(w, 'node-2')
      await w.clock.advanceStepwise(soonMs)
      t.same(w.longhorn.crashes, [])
    })

    t.test('o2: a clean-up on a node that is being evicted', async (t) => {
      // The only copy has nowhere to go, so the eviction itself removes nothing.
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1'])], replenishLimit: 0 })
      await evict(w, 'node-1')
      await w.clock.advanceStepwise(soonMs)
      t.equal(w.longhorn.crashes.length, 0, 'nothing is pending yet')
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await w.clock.advanceStepwise(soonMs)
      t.equal(w.longhorn.crashCount('node-1'), crashesOnThisDisk)
    })

    t.test('o3: the automatic clean-up of a copy that became unused under the flag', async (t) => {
      const w = await world(
        t,
        { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] },
        { cleanupWaitMs: 6_000, drainMs: 0 },
      )
      // Only the node's own clean-up is to remove the copy here, so eviction may not mark it.
      w.cluster.deny = ({ object: { spec } }) =>
        JSON.stringify(Object.values(object(object(spec).diskFileSpecMap))).includes('true')
          ? denial('not yet')
          : undefined
      await evict(w, 'node-1/disk-1')
      await w.clock.advanceStepwise(3_000)
      t.equal(w.longhorn.crashes.length, 0, 'nothing has been cleaned up yet')
      await w.clock.advanceStepwise(3_500)
      t.equal(w.longhorn.crashes.length > 0, crashesOnThisDisk === 1)
    })

    t.test('o4: the normal end of an eviction', async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
      await evict(w, 'node-1')
      await w.clock.advanceStepwise(soonMs)
      t.equal(w.longhorn.crashCount('node-1'), crashesOnThisDisk)
      t.equal(copies(w, 'ubuntu')['node-1/disk-1'], profile === 'none' ? 'ready' : 'pending cleanup')
    })

    t.test(
      'o5: the first file of a new image lands on another disk of a node that is being evicted',
      async (t) => {
        const w = await world(t, { release, nodes: 1 })
        await evict(w, 'node-1/disk-1')
        await w.admin.create(
          { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' },
          {
            apiVersion: 'longhorn.io/v1beta2',
            kind: 'BackingImage',
            metadata: { name: 'debian', namespace: 'longhorn-system', finalizers: ['longhorn.io'] },
            spec: {
              minNumberOfCopies: 1,
              sourceType: 'download',
              sourceParameters: { url: 'https://example.com/d' },
            },
          },
        )
        await w.clock.advanceStepwise(400)
        t.equal(copies(w, 'debian')['node-1/disk-2'], 'pending cleanup', 'in status, and not yet in spec')
        t.equal(w.longhorn.crashCount('node-1'), crashesOnAnyDisk)
      },
    )

    t.test('o7: a disk with a pending clean-up is added to a node that is being evicted', async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-2', 'node-2/disk-1'])] })
      const disk = entries(object(w.cluster.find('nodes', 'node-1')?.spec).disks).get('disk-2')
      await change(w.admin, 'Node', 'node-1', (spec) => {
        const disks = new Map(entries(spec.disks))
        disks.delete('disk-2')
        return { ...spec, disks: Object.fromEntries(disks) }
      })
      await cleanUp(w, 'ubuntu', 'node-1/disk-2')
      await evict(w, 'node-1')
      await w.clock.advanceStepwise(5_000)
      t.equal(w.longhorn.crashes.length, 0, 'the disk is not of this node now')
      await change(w.admin, 'Node', 'node-1', (spec) => ({
        ...spec,
        disks: { ...object(spec.disks), 'disk-2': disk },
      }))
      await w.clock.advanceStepwise(soonMs)
      t.equal(w.longhorn.crashCount('node-1'), crashesOnThisDisk)
    })
    t.end()
  })
}

t.test('o8: a state that release C survives crashes after a move back to release A', async (t) => {
  const w = await world(t, { release: 'v1.9.1', images: [ubuntu] })
  await stopBackingImageManager(w, 'node-1/disk-1')
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await evict(w, 'node-1/disk-1')
  await w.clock.advanceStepwise(60_000)
  t.same(w.longhorn.crashes, [])
  await w.longhorn.setRelease('v1.8.0')
  await w.clock.advanceStepwise(soonMs)
  t.equal(w.longhorn.crashCount('node-1'), 1)
})

t.test('an unknown release crashes like the worst', async (t) => {
  const w = await world(t, { release: 'master-head', images: [ubuntu] })
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await evict(w, 'node-1/disk-2')
  await w.clock.advanceStepwise(soonMs)
  t.equal(w.longhorn.crashCount('node-1'), 1)
})

t.test('release C requeues its node as long as the clean-up is pending', async (t) => {
  const w = await world(t, { release: 'v1.9.1', images: [ubuntu] })
  await stopBackingImageManager(w, 'node-1/disk-1')
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await evict(w, 'node-1/disk-1')
  await w.clock.advanceStepwise(soonMs)
  const requeued = w.reports.filter(({ kind }) => kind === 'requeued')
  t.ok(requeued.length >= 9, `${requeued.length} times in a second, not only at each full sync`)
  t.match(requeued[0], { node: 'node-1', image: 'ubuntu', disk: 'disk-1' })
})

t.test('a crash', (t) => {
  async function crashed(t: Test) {
    const w = await world(t, { release: 'v1.8.0', images: [ubuntu] })
    await stopBackingImageManager(w, 'node-1/disk-1')
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await evict(w, 'node-1/disk-2')
    await w.clock.advanceStepwise(soonMs)
    return w
  }

  t.test('is on record with its node, disk, image, release and next start', async (t) => {
    const w = await crashed(t)
    const uuid = w.seeded.uuidOf('node-1/disk-1')
    const expected = {
      node: 'node-1',
      disk: 'disk-1',
      diskUUID: uuid,
      image: 'ubuntu',
      release: 'v1.8.0',
      count: 1,
    }
    t.match(w.longhorn.crashes, [{ ...expected, restartInMs: 10_000, message: /nil pointer dereference/ }])
    t.match(w.reports.at(-1), { kind: 'crash', crash: expected })
  })

  t.test('is an Event on the Node', async (t) => {
    const w = await crashed(t)
    const involvedObject = {
      kind: 'Node',
      name: 'node-1',
      uid: w.cluster.find('nodes', 'node-1')?.metadata.uid,
    }
    t.match(w.cluster.all('events'), [{ type: 'Warning', reason: 'ManagerCrashed', involvedObject }])
  })

  t.test('takes the node out of Ready and leaves the others alone', async (t) => {
    const w = await crashed(t)
    t.equal(readiness(w, 'node-1'), 'ManagerPodDown')
    t.equal(readiness(w, 'node-2'), 'True')
    t.notOk(w.longhorn.isLive('node-1'))
  })

  t.test('comes back at each restart, with pauses that double up to a limit', async (t) => {
    const w = await crashed(t)
    await w.clock.advanceStepwise(10 * 60_000)
    const pauses = w.longhorn.crashes.map(({ restartInMs }) => restartInMs / 1_000)
    t.same(pauses, [10, 20, 40, 80, 160, 300])
    t.same(
      w.longhorn.crashes.map(({ count }) => count),
      [1, 2, 3, 4, 5, 6],
    )
  })

  t.test('is over at the next restart once all flags are down', async (t) => {
    const w = await crashed(t)
    await evict(w, 'node-1/disk-2', false)
    await w.clock.advanceStepwise(11_000)
    t.equal(readiness(w, 'node-1'), 'True')
    t.equal(w.longhorn.crashes.length, 1)
    t.match(
      w.reports.filter(({ kind }) => kind === 'recovered'),
      [{ node: 'node-1' }],
    )
  })

  t.test('stops the work of its manager, so a new disk of the node is not synced', async (t) => {
    const w = await crashed(t)
    await change(w.admin, 'Node', 'node-1', (spec) => ({
      ...spec,
      disks: {
        ...object(spec.disks),
        'disk-3': { path: '/mnt/disk-3/', diskType: 'filesystem', allowScheduling: true },
      },
    }))
    const synced = () => entries(object(w.cluster.find('nodes', 'node-1')?.status).diskStatus).has('disk-3')
    await w.clock.advanceStepwise(5_000)
    t.notOk(synced())
    await evict(w, 'node-1/disk-2', false)
    await w.clock.advanceStepwise(6_000)
    t.ok(synced())
  })

  t.test('of the owner of an image does not stop its drain: another manager takes over', async (t) => {
    const w = await world(t, { release: 'v1.8.0', images: [ubuntu] })
    t.equal(object(w.cluster.find('backingimages', 'ubuntu')?.status).ownerID, 'node-1')
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await evict(w, 'node-1/disk-2')
    await w.clock.advanceStepwise(3_000)
    t.notOk(w.longhorn.isLive('node-1'))
    t.equal(object(w.cluster.find('backingimages', 'ubuntu')?.status).ownerID, 'node-2')
    t.equal(copies(w, 'ubuntu')['node-1/disk-1'], undefined, 'the file is gone')
    // One more crash follows: o4, once the manager is back and the eviction itself ends.
    await w.clock.advanceStepwise(40_000)
    t.equal(readiness(w, 'node-1'), 'True', 'and so the crashes end')
  })

  t.test('of the only manager stops everything', async (t) => {
    const w = await world(t, { release: 'v1.8.0', nodes: 1, images: [image('ubuntu', ['node-1/disk-1'])] })
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(9_000)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'pending cleanup' })
  })
  t.end()
})

type Test = Parameters<typeof world>[0]
