import t, { type Test } from 'tap'
import { readNode } from '../../src/sandbox/controllers/objects.ts'
import { entries, object } from '../../src/sandbox/json.ts'
import { depth } from '../fixtures/thorough.ts'
import { denial, type Write } from './longhorn/fake-cluster.ts'
import { change, cleanUp, copies, evict, image, markedCopies, world, type World } from './longhorn/world.ts'

/** Each crashes when the flag of this disk meets the clean-up on `disk-1`. */
const crashing = [
  { release: 'v1.8.0', flagged: 'node-1/disk-2' },
  { release: 'v1.8.1', flagged: 'node-1/disk-1' },
]

/** True when the write removes a copy from a disk of a node with a flag: what a guard refuses. */
function removesUnderFlag({ cluster }: World, { plural, status, object: wanted, before }: Write): boolean {
  if (plural !== 'backingimages' || status || !before) return false
  const kept = entries(object(wanted.spec).diskFileSpecMap)
  const removed = [...entries(object(before.spec).diskFileSpecMap).keys()].filter((uuid) => !kept.has(uuid))
  const flagged = cluster
    .all('nodes')
    .map(readNode)
    .filter((node) => node.flagged)
  return flagged.some((node) => node.disks.some(({ uuid }) => removed.includes(uuid)))
}

/** A node under a flag with an unused copy that is due, whose removal is refused as long as the flag is up. */
async function refusing(t: Test, release: string, flagged: string) {
  const w = await world(
    t,
    {
      release,
      images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])],
      // So the other copy is not unused.
      replicas: [{ volume: 'pvc', disk: 'node-2/disk-1', image: 'ubuntu' }],
    },
    { cleanupWaitMs: 1_000, drainMs: 60_000 },
  )
  w.cluster.deny = (write) => (removesUnderFlag(w, write) ? denial('not under a flag') : undefined)
  await evict(w, flagged)
  await w.clock.advanceStepwise(3_000)
  return w
}

for (const { release, flagged } of crashing) {
  t.test(`on ${release}, while an automatic clean-up is refused under a flag`, (t) => {
    t.test('the node is requeued at once, as long as that lasts', async (t) => {
      const w = await refusing(t, release, flagged)
      const before = w.reports.length
      await w.clock.advanceStepwise(1_000)
      const refused = w.reports.slice(before).filter(({ kind }) => kind === 'refused')
      t.ok(refused.length >= 30, `${refused.length} refused writes a second`)
      t.same(w.longhorn.crashes, [])
    })

    t.test('the manager crashes when the flag is cleared during the clean-up', async (t) => {
      const w = await refusing(t, release, flagged)
      let answer = (): void => undefined
      const answered = new Promise<void>((resolve) => (answer = resolve))
      w.cluster.hold = (write) => (removesUnderFlag(w, write) ? answered : undefined)
      await w.clock.advanceStepwise(600)
      const flaggedAt = w.cluster.find('nodes', 'node-1')?.metadata.resourceVersion
      await evict(w, flagged, false)
      t.same(w.longhorn.crashes, [], 'nothing has been removed yet')
      answer()
      await w.clock.advanceStepwise(100)
      t.equal(w.longhorn.crashCount('node-1'), 1)
      t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup')
      t.match(w.longhorn.crashes, [{ image: 'ubuntu', disk: 'disk-1', seen: { node: flaggedAt } }])
      await w.clock.advanceStepwise(30_000)
      t.equal(w.longhorn.crashes.length, 1, 'once: the flag is down after the restart')
      t.ok(w.longhorn.isLive('node-1'))
    })

    t.test('a clear at any moment may meet a sync that began under the flag', async (t) => {
      let [tried, crashes] = [0, 0]
      for (let afterMs = 0; afterMs < 26; afterMs += depth(5, 2)) {
        const w = await refusing(t, release, flagged)
        await w.clock.advanceStepwise(afterMs)
        await evict(w, flagged, false)
        await w.clock.advanceStepwise(1_000)
        t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup')
        tried += 1
        crashes += w.longhorn.crashes.length
      }
      t.ok(crashes > 0 && crashes < tried, `${crashes} of ${tried} clears crash`)
    })
    t.end()
  })

  t.test(`on ${release}, a flag and a clean-up that never stand side by side`, (t) => {
    t.test('crash a manager that does not know yet of the cleared flag', async (t) => {
      const w = await world(
        t,
        { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] },
        { informerLagMs: { Node: 20_000 }, random: () => 1 },
      )
      // Nothing is to end but what the test ends.
      w.cluster.deny = (write) => (removesUnderFlag(w, write) ? denial('not under a flag') : undefined)
      await evict(w, flagged)
      const flaggedAt = w.cluster.find('nodes', 'node-1')?.metadata.resourceVersion
      await w.clock.advanceStepwise(19_000)
      t.same(markedCopies(w, 'ubuntu'), [], 'the manager does not know of the flag')
      await w.clock.advanceStepwise(6_000)
      await evict(w, flagged, false)
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await w.clock.advanceStepwise(1_000)
      t.match(w.longhorn.crashes, [{ node: 'node-1', seen: { node: flaggedAt } }])
      await w.clock.advanceStepwise(40_000)
      t.equal(w.longhorn.crashes.length, 1, 'after the restart its caches are new')
    })

    t.test('crash a manager that does not know yet of the end of the clean-up', async (t) => {
      const w = await world(
        t,
        { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] },
        { informerLagMs: { BackingImage: 20_000 }, random: () => 1 },
      )
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await w.clock.advanceStepwise(10_000)
      t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' }, 'the clean-up has ended')
      await evict(w, flagged)
      await w.clock.advanceStepwise(5_000)
      t.same(w.longhorn.crashes, [], 'the manager does not even know of the clean-up')
      await w.clock.advanceStepwise(6_000)
      t.match(w.longhorn.crashes, [{ node: 'node-1', image: 'ubuntu' }])
    })

    t.test('crash no manager whose caches are up to date', async (t) => {
      const w = await world(t, { release, images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] })
      w.cluster.deny = (write) => (removesUnderFlag(w, write) ? denial('not under a flag') : undefined)
      await evict(w, flagged)
      await w.clock.advanceStepwise(1_000)
      await evict(w, flagged, false)
      await w.clock.advanceStepwise(1_000)
      await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      await w.clock.advanceStepwise(10_000)
      await evict(w, flagged)
      await w.clock.advanceStepwise(10_000)
      t.same(w.longhorn.crashes, [])
    })
    t.end()
  })
}

t.test(
  'after the API server has restarted, a manager knows of no change until it has listed again',
  async (t) => {
    const w = await world(
      t,
      { release: 'v1.8.0', images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] },
      { random: () => 1 },
    )
    await cleanUp(w, 'ubuntu', 'node-1/disk-1')
    w.cluster.breakWatches()
    await evict(w, 'node-1/disk-2')
    // 0.8 s, and as much again by jitter.
    await w.clock.advanceStepwise(1_500)
    t.same(w.longhorn.crashes, [])
    await w.clock.advanceStepwise(200)
    t.equal(w.longhorn.crashCount('node-1'), 1)
  },
)

t.test('a manager whose cache does not show its own write goes on after 2 s', async (t) => {
  const w = await world(
    t,
    { release: 'v1.9.1', images: [image('ubuntu', ['node-1/disk-1'])], replenishLimit: 0 },
    { informerLagMs: { BackingImage: 60_000 }, random: () => 1 },
  )
  // Until then its cache lacks the first status, and each write is a conflict.
  await w.clock.advanceStepwise(61_000)
  await evict(w, 'node-1')
  await w.clock.advanceStepwise(30)
  t.same(markedCopies(w, 'ubuntu'), ['node-1/disk-1'], 'the write is done')
  await change(w.admin, 'Node', 'node-1', (spec) => ({
    ...spec,
    disks: { ...object(spec.disks), 'disk-3': { path: '/mnt/disk-3/' } },
  }))
  const synced = () => entries(object(w.cluster.find('nodes', 'node-1')?.status).diskStatus).has('disk-3')
  await w.clock.advanceStepwise(1_900)
  t.notOk(synced(), 'the sync under way still looks for its write')
  await w.clock.advanceStepwise(200)
  t.ok(synced(), 'the next one has begun')
})
