import t from 'tap'
import { InProcessBook, unownedDisks } from '../../src/gate/reservation-book.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { copy, disk, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

/** Node n2 has a disk of unknown UUID, or of a UUID that Longhorn has found out. */
function moving(isFound: boolean): TestCluster {
  const version = isFound ? '2' : '1'
  return cluster('v1.8.1')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d9', { synced: isFound })], { metadata: { resourceVersion: version } })
    .image('ubuntu', [ready('d9'), ready('d1')])
}

const evict = (of: TestCluster) => of.toNode('n2', [disk('d9', { evictionRequested: true })])

/** A clean-up on a disk is admitted while no node has the disk. Then Longhorn finds out where it is. */
async function cleanedUpBefore(): Promise<GateWorld> {
  const book = new InProcessBook()
  const one = new GateWorld(moving(false), { book })
  const { verdict } = await one.decide(one.cluster.cleanUp('ubuntu', ['d9']))
  if (verdict.decision !== 'allow') throw new Error(JSON.stringify(verdict))
  const two = new GateWorld(moving(true), { book, replica: 'two' })
  two.markedSince = -Infinity
  return two
}

t.test('an eviction meets a clean-up that was admitted before the UUID of its disk was known', async (t) => {
  const world = await cleanedUpBefore()
  const { verdict } = await world.decide(evict(world.cluster))
  t.match(verdict, { decision: 'hold', objections: [{ rule: 'eviction-during-cleanup' }] })
  t.match(verdict, {
    objections: [{ found: 'a clean-up came first (BackingImage ubuntu, d9 of n2)' }],
  })
  t.notOk(world.trips.includes(`swap ${unownedDisks}`), 'it only looks there')
  t.strictSame(
    world.reservations.map(({ intent }) => intent),
    ['removal'],
    'and leaves nothing behind',
  )
})

t.test('it looks once the watch has brought its own reservation, and all earlier ones', async (t) => {
  const world = await cleanedUpBefore()
  world.markedSince = undefined
  let over = false
  const decided = world.decide(evict(world.cluster)).finally(() => (over = true))
  await turns()
  t.notOk(over, 'its version of the entry may be old')
  world.markedSince = -Infinity
  const entry = world.book.seen('n2')
  await world.book.swap(entry, entry, new AbortController().signal)
  t.equal((await decided).verdict.decision, 'hold')
  t.notOk(world.trips.includes(`read ${unownedDisks}`))
})

t.test('it reads the entry where the watch does not come so far in half a second', async (t) => {
  const world = await cleanedUpBefore()
  world.markedSince = undefined
  const decided = world.decide(evict(world.cluster), 10_000)
  await turns()
  world.clock.advance(500)
  await turns()
  t.ok(world.trips.includes(`read ${unownedDisks}`))
  world.clock.advance(10_000)
  t.equal((await decided).verdict.decision, 'hold')
})

t.test(
  'an eviction lists images after it reads a missing entry, since marks may be gone with the entry',
  async (t) => {
    const world = new GateWorld(moving(true))
    world.markedSince = undefined
    // The entry of the node was watched for long all the same.
    world.after = (trip) => {
      if (trip === `read ${unownedDisks}`) world.markedSince = -Infinity
    }
    const decided = world.decide(evict(world.cluster), 10_000)
    await turns()
    world.clock.advance(500)
    t.equal((await decided).verdict.decision, 'allow')
    t.strictSame(world.trips, ['swap n2', `read ${unownedDisks}`, 'images', 'data sources'])
  },
)

/** The disk of node n3, whose manager is down, was moved to n2. The only other copy is on n1. */
function movedFromDead(release: string, isFound: boolean): TestCluster {
  return moving(isFound)
    .setting('current-longhorn-version', release)
    .node('n3', [disk('d9')], { notReady: { reason: 'ManagerPodDown' } })
    .image('ubuntu', [copy('d9', 'unknown'), ready('d1')])
}

t.test(
  'reservations of the node where a disk worked are read once that node is known to be dead',
  async (t) => {
    const working = (): TestCluster => moving(false).node('n3', [disk('d9')])
    const book = new InProcessBook()
    const one = new GateWorld(working(), { book })
    t.equal((await one.decide(one.cluster.cleanUp('ubuntu', ['d9']))).verdict.decision, 'allow')
    const truth = working().node('n3', [disk('d9')], {
      notReady: { reason: 'KubernetesNodeGone' },
      metadata: { resourceVersion: '2' },
    })
    const two = new GateWorld(working(), { book, truth, replica: 'two' })
    two.markedSince = -Infinity
    const unknown = disk('d9', { synced: false, evictionRequested: true })
    t.equal((await two.decide(two.cluster.toNode('n2', [unknown]))).verdict.decision, 'hold')
    // The reservation may be younger than the swaps of this eviction, and no watch has to have brought it.
    t.ok(two.trips.indexOf('read n3') > two.trips.indexOf('nodes'), two.trips.join())
  },
)

t.test(
  'a disk is not taken away from under a first file that was admitted before it was known',
  async (t) => {
    const book = new InProcessBook()
    const empty = (isFound: boolean): TestCluster =>
      moving(isFound)
        .image('ubuntu', [ready('d1')])
        .image('fedora', [])
    const one = new GateWorld(empty(false), { book })
    t.equal((await one.decide(one.cluster.place('fedora', 'd9'))).verdict.decision, 'allow')
    const two = new GateWorld(empty(true), { book, replica: 'two' })
    two.markedSince = -Infinity
    const { verdict } = await two.decide(two.cluster.toNode('n2', []))
    t.match(verdict, { decision: 'hold', objections: [{ found: /^the making of a first file came first/ }] })
  },
)

for (const release of ['v1.8.0', 'v1.8.1', 'v1.10.0']) {
  t.test(
    `it takes no copy from a disk that was counted on where its node is dead (${release})`,
    async (t) => {
      const book = new InProcessBook()
      const one = new GateWorld(movedFromDead(release, false), { book })
      const cleanup = one.cluster.cleanUp('ubuntu', ['d1'], { actor: longhornAccount })
      t.equal((await one.decide(cleanup)).verdict.decision, 'allow')
      const two = new GateWorld(movedFromDead(release, true), { book, replica: 'two' })
      t.equal((await two.decide(evict(two.cluster))).verdict.decision, 'hold')
    },
  )
}
