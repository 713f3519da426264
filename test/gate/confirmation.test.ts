import t, { type Test } from 'tap'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, pending, ready, uuid } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const replicas = 'replicas of ubuntu'
const evicting = { evictionRequested: true }

const usual = (release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d4')])

const evictD2 = (of: TestCluster) => of.toNode('n1', [disk('d1'), disk('d2', evicting)])

/** A replica whose disk map is behind the stored objects. */
function behind(truth: TestCluster, options: GateWorldOptions = {}, release?: string): GateWorld {
  return new GateWorld(usual(release), { ...options, truth })
}

async function is(t: Test, decision: string, world: GateWorld, change: Parameters<GateWorld['decide']>[0]) {
  const { verdict } = await world.decide(change)
  t.equal(verdict.decision, decision)
  if (decision !== 'allow') t.strictSame(world.reservations, [], 'nothing stays reserved')
  return verdict
}

t.test('a clean-up that is not in the disk map yet holds an eviction', async (t) => {
  const world = behind(usual().image('ubuntu', [pending('d1'), ready('d3'), ready('d4')]))
  t.match(await is(t, 'hold', world, evictD2(world.cluster)), {
    objections: [{ rule: 'eviction-during-cleanup', subjects: [{ disk: 'd1', image: 'ubuntu' }] }],
  })
})

t.test('an image, or a first file, that is not in the disk map yet counts too', async (t) => {
  const world = behind(usual().image('new', [pending('d1')]))
  await is(t, 'hold', world, evictD2(world.cluster))
  const starting = behind(usual().source('fedora', 'd1'))
  t.match(await is(t, 'hold', starting, evictD2(starting.cluster)), {
    objections: [{ rule: 'first-file-unfinished' }],
  })
})

t.test('an eviction that is not in the disk map yet holds a clean-up and refuses a first file', async (t) => {
  const flagged = usual().node('n1', [disk('d1'), disk('d2', evicting)])
  const world = behind(flagged)
  t.match(await is(t, 'hold', world, world.cluster.cleanUp('ubuntu', ['d1'])), {
    objections: [{ rule: 'cleanup-during-eviction' }],
  })
  const placing = behind(flagged.image('fedora', []))
  t.match(await is(t, 'refuse', placing, placing.cluster.place('fedora', 'd1')), {
    objections: [{ rule: 'first-file-during-eviction' }],
  })
})

t.test('a first file that still is made holds the clean-up of its copy', async (t) => {
  const world = new GateWorld(usual().source('ubuntu', 'd3'))
  t.match(await is(t, 'hold', world, world.cluster.cleanUp('ubuntu', ['d3'])), {
    objections: [{ rule: 'first-file-unfinished' }],
  })
  const done = new GateWorld(usual().source('ubuntu', 'd3', true))
  await is(t, 'allow', done, done.cluster.cleanUp('ubuntu', ['d3']))
})

t.test('a disk is not taken away while an image is on it that is not in the disk map yet', async (t) => {
  const world = behind(usual().image('new', [ready('d2')]))
  const takeD2 = world.cluster.toNode('n1', [disk('d1')])
  t.match(await is(t, 'refuse', world, takeD2), { objections: [{ rule: 'disk-removal-with-copies' }] })
  const entries = ['swap (unowned disks)', 'swap n1']
  t.strictSame(
    world.trips,
    [...entries, 'images', 'data sources', 'nodes', ...entries.toReversed()],
    'and nothing stays',
  )
  const none = behind(usual().image('new', [ready('d2')]), {}, 'v1.6.4')
  await is(t, 'allow', none, none.cluster.toNode('n1', [disk('d1')]))
  t.strictSame(none.trips, [], 'before 1.7 it is only warned about')
})

t.test('a disk that has moved meanwhile is claimed where it is', async (t) => {
  const moved = () =>
    usual()
      .node('n1', [disk('d2')])
      .node('n3', [disk('d1')])
  const world = behind(moved())
  await is(t, 'allow', world, world.cluster.cleanUp('ubuntu', ['d1']))
  t.strictSame(world.trips, [
    ...[replicas, 'swap n1', 'node n1'],
    ...[replicas, 'swap (unowned disks)', 'nodes'],
    ...[replicas, 'swap n3', 'nodes'],
  ])
  t.match(
    world.reservations.map(({ disks }) => disks),
    [[uuid('d1')], [uuid('d1')], [uuid('d1')]],
  )
  const flagged = behind(moved().node('n3', [disk('d1', evicting)]))
  t.match(await is(t, 'hold', flagged, flagged.cluster.cleanUp('ubuntu', ['d1'])), {
    objections: [{ rule: 'cleanup-during-eviction', subjects: [{ node: 'n3' }] }],
  })
})

t.test('a node that is gone meanwhile has no disks', async (t) => {
  const truth = cluster('v1.8.0').node('n2', [disk('d3'), disk('d4')])
  const world = behind(truth, { policy: { settleMs: 0 } })
  await is(t, 'allow', world, world.cluster.cleanUp('ubuntu', ['d1']))
  t.match(world.trips, [replicas, 'swap n1', 'node n1', replicas, 'swap (unowned disks)', 'nodes'])
})

t.test('a cluster that changes faster than it can be read gets no admission', async (t) => {
  const world = behind(usual())
  let turn = 0
  world.before = (trip) => {
    if (!trip.startsWith('node')) return
    turn += 1
    world.truth = usual()
      .node('n1', [disk('d2')])
      .node(`n${10 + turn}`, [disk('d1')])
  }
  t.match(await is(t, 'unavailable', world, world.cluster.cleanUp('ubuntu', ['d1'])), {
    why: 'not-confirmed',
  })
})

t.test('copies that turned out not to be ready are counted on before they are evicted', async (t) => {
  const world = behind(
    usual('v1.10.0').image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown')]),
    {},
    'v1.10.0',
  )
  await is(t, 'allow', world, world.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]))
  t.strictSame(world.trips, [
    'swap n1',
    'images',
    'data sources',
    'swap n2',
    'images',
    'data sources',
    'node n2',
  ])
})

t.test('after a failed read, arming changes get 503 and leave nothing behind', async (t) => {
  for (const failing of ['images', 'data sources', 'node n1']) {
    const world = new GateWorld(usual())
    world.before = (trip) => {
      if (trip === failing) throw new Error('no answer')
    }
    const change = failing === 'node n1' ? world.cluster.cleanUp('ubuntu', ['d1']) : evictD2(world.cluster)
    t.match(await is(t, 'unavailable', world, change), { why: 'not-confirmed' })
    t.match(world.problems, [{ what: 'not-confirmed', error: { message: 'no answer' } }])
  }
})

t.test('a thrown value need not be an error', async (t) => {
  const world = new GateWorld(usual())
  const thrown: unknown = 'a text'
  world.before = (trip) => {
    if (trip === 'images') throw thrown
  }
  await is(t, 'unavailable', world, evictD2(world.cluster))
  t.match(world.problems, [{ error: { message: 'a text' } }])
})

t.test('since when a clean-up is pending is known from the disk map', async (t) => {
  // On profile C a stuck clean-up only warns, so the age is in a warning.
  const stuck = usual('v1.10.0').image('ubuntu', [pending('d1'), ready('d3'), ready('d4')])
  const world = new GateWorld(stuck)
  const verdict = await is(t, 'allow', world, world.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]))
  const found = /\(for 326d\)$/
  t.match(verdict, { warnings: [{ rule: 'eviction-during-cleanup', found }] }, 'since noon on New Year’s Day')
})

t.test('warnings come from the disk map, which knows all', async (t) => {
  const world = new GateWorld(usual().image('single', [ready('d1')]))
  const { verdict } = await world.decide(world.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]))
  t.match(verdict, { decision: 'allow', warnings: [{ rule: 'below-min-copies' }] })
})
