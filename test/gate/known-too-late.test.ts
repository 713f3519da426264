import t, { type Test } from 'tap'
import type { Change } from '../../src/rules/change.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, ready } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const releases = ['v1.6.4', 'v1.8.0', 'v1.9.0', 'v1.10.0']
const evicting = { evictionRequested: true }

const usual = (release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d4')])

/** A replica of the guard whose watches have been silent for so long, in milliseconds, while this became the truth. */
function silent(
  known: TestCluster,
  truth: TestCluster,
  ageMs = 60_000,
  options: GateWorldOptions = {},
): GateWorld {
  const world = new GateWorld(known, { ...options, truth })
  world.freshness.ageMs = () => ageMs
  return world
}

async function is(t: Test, decision: string, rule: string | undefined, world: GateWorld, change: Change) {
  const { verdict } = await world.decide(change)
  t.match(verdict, { decision, ...(rule && { objections: [{ rule }] }) }, rule ?? decision)
  return world.trips
}

t.test(
  'a replica of a volume that is not in the disk map yet keeps its copy, on every release',
  async (t) => {
    for (const release of releases) {
      for (const ageMs of [0, 60_000]) {
        const world = silent(usual(release), usual(release).replica('r1', 'ubuntu', 'd1'), ageMs)
        const trips = await is(t, 'refuse', 'copy-in-use', world, world.cluster.cleanUp('ubuntu', ['d1']))
        t.ok(trips.includes('replicas of ubuntu'), release)
        t.strictSame(world.reservations, [], 'nothing stays reserved')
      }
      const other = silent(
        usual(release),
        usual(release).replica('r1', 'ubuntu', 'd3').replica('r2', 'debian', 'd1'),
      )
      await is(t, 'allow', undefined, other, other.cluster.cleanUp('ubuntu', ['d1']))
    }
  },
)

t.test('a clean-up is not admitted while the replicas cannot be read', async (t) => {
  const world = new GateWorld(usual('v1.10.0'))
  world.before = (trip) => {
    if (trip === 'replicas of ubuntu') throw new Error('no answer')
  }
  const { verdict } = await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))
  t.match(verdict, { decision: 'unavailable', why: 'not-confirmed' })
})

t.test('a first file that is made again is read if the disk map is older than a few seconds', async (t) => {
  const done = usual().source('ubuntu', 'd1', true)
  const anew = usual().source('ubuntu', 'd1', false)
  const world = silent(done, anew)
  await is(t, 'hold', 'first-file-unfinished', world, world.cluster.cleanUp('ubuntu', ['d1']))
  const gone = silent(done, usual())
  await is(t, 'allow', undefined, gone, gone.cluster.cleanUp('ubuntu', ['d1']))
  const fresh = silent(done, done, 10_000)
  const trips = await is(t, 'allow', undefined, fresh, fresh.cluster.cleanUp('ubuntu', ['d1']))
  t.notOk(trips.includes('data source ubuntu'), 'a fresh kind is not read')
})

t.test('a disk is not taken away because another node had it once', async (t) => {
  const known = usual('v1.10.0').node('n3', [disk('d1')])
  const world = silent(known, usual('v1.10.0').node('n3', []))
  const takeD1 = world.cluster.toNode('n1', [disk('d2')])
  const trips = await is(t, 'refuse', 'disk-removal-with-copies', world, takeD1)
  t.ok(trips.includes('node n3'))
  const moved = silent(known, known)
  await is(t, 'allow', undefined, moved, moved.cluster.toNode('n1', [disk('d2')]))
})

t.test('a copy, unknown or ready, counts only while a node has its disk', async (t) => {
  for (const [release, state] of releases.flatMap((each) =>
    ['unknown', 'ready'].map((state) => [each, state] as const),
  )) {
    const known = usual(release).image('ubuntu', [ready('d1'), copy('d3', state)], {
      minNumberOfCopies: 0,
    })
    const truth = cluster(release)
      .node('n1', [disk('d1'), disk('d2')])
      .node('n2', [disk('d4')])
    const world = silent(known, truth)
    await is(
      t,
      'refuse',
      'last-usable-copy',
      world,
      world.cluster.cleanUp('ubuntu', ['d1'], { actor: longhornAccount }),
    )
  }
})

t.test('a budget counts nodes and clean-ups that are not in the disk map yet', async (t) => {
  const flagged = usual().node('n2', [disk('d3', evicting), disk('d4')])
  const budget = (flaggedNodes?: number, pendingCleanups?: number): GateWorldOptions => ({
    policy: { evictionBudget: { flaggedNodes, pendingCleanups } },
  })
  const evictD2 = (world: GateWorld) => world.cluster.toNode('n1', [disk('d1'), disk('d2', evicting)])
  const world = silent(usual(), flagged, 60_000, budget(1))
  await is(t, 'hold', 'eviction-budget', world, evictD2(world))
  const room = silent(usual(), flagged, 60_000, budget(2, 1))
  await is(t, 'allow', undefined, room, evictD2(room))
  const fresh = silent(usual(), usual(), 0, budget(1))
  t.notOk((await is(t, 'allow', undefined, fresh, evictD2(fresh))).includes('nodes'))
})

t.test(
  'an eviction does not count on a copy whose disk a node has lost since, on every release',
  async (t) => {
    for (const release of releases.filter((each) => each !== 'v1.6.4')) {
      const unready = (of: TestCluster) => of.image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown')])
      const known = unready(usual(release))
      const truth = unready(
        cluster(release)
          .node('n1', [disk('d1'), disk('d2')])
          .node('n2', [disk('d4')]),
      )
      const world = silent(known, truth)
      // The map has all settled reservations of its entries.
      world.markedSince = -Infinity
      const evictD1 = world.cluster.toNode('n1', [disk('d1', evicting), disk('d2')])
      const trips = await is(t, 'hold', 'evict-unready-copy', world, evictD1)
      t.ok(trips.includes('node n2'), `${release}: ${trips.join()}`)
      const still = silent(known, known)
      still.markedSince = -Infinity
      await is(t, 'allow', undefined, still, still.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]))
      const fresh = silent(known, known, 0)
      fresh.markedSince = -Infinity
      const few = await is(
        t,
        'allow',
        undefined,
        fresh,
        fresh.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]),
      )
      t.notOk(few.includes('node n2'), 'a fresh kind is not read')
    }
  },
)
