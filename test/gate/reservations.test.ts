import t from 'tap'
import { InProcessBook, unownedDisks } from '../../src/gate/reservation-book.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { copy, disk, ready, uuid } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, evictD1, is, two, usual } from './replicas.ts'

const evicting = { evictionRequested: true }

const evictD2 = (of: TestCluster) => of.toNode('n1', [disk('d1'), disk('d2', emptied)])

t.test('an admitted change is reserved, with the version that was reviewed', async (t) => {
  const world = new GateWorld(usual())
  await is(t, 'allow', world, evictD1(world.cluster))
  t.match(world.reservations, [
    {
      kind: 'Node',
      name: 'n1',
      uid: 'uid-n1',
      resourceVersion: '1',
      intent: 'eviction',
      disks: 'any',
      by: 'one',
      deadline: world.clock.now() + 70_000,
    },
  ])
})

t.test('the second of two conflicting changes waits, at either replica', async (t) => {
  for (const release of ['v1.8.0', 'v1.8.1']) {
    const [one, other] = two(release)
    await is(t, 'allow', one, evictD1(one.cluster))
    const held = await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1']))
    t.match(held, {
      objections: [
        {
          rule: 'cleanup-during-eviction',
          subjects: [{ node: 'n1', diskUUID: uuid('d1'), image: 'ubuntu' }],
          doing: 'removing the copy of ubuntu on d1 of n1',
          found:
            /^an eviction(, or the removal of a disk or of its node)? came first \(Node n1(, d1 of n1)?\)$/,
          why: /\(resourceVersion 1, reserved by one\)\.$/,
          next: /^The request is allowed as soon as .*, in about 70s at the latest\.$/,
        },
      ],
    })
    const [a, b] = two(release)
    await is(t, 'allow', a, a.cluster.cleanUp('ubuntu', ['d1']))
    t.match(await is(t, 'hold', b, evictD1(b.cluster)), {
      objections: [{ rule: 'eviction-during-cleanup', subjects: [{ node: 'n1', image: 'ubuntu' }] }],
    })
  }
})

t.test('on profile A every disk of the node is concerned, on B the evicted ones', async (t) => {
  for (const [release, decision] of [
    ['v1.8.0', 'hold'],
    ['v1.8.1', 'allow'],
  ] as const) {
    const [one, other] = two(release)
    await is(t, 'allow', one, evictD2(one.cluster))
    await is(t, decision, other, other.cluster.cleanUp('ubuntu', ['d1']))
  }
})

t.test('a first file and an eviction must not meet either', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, one.cluster.place('fedora', 'd1'))
  t.match(await is(t, 'hold', other, evictD1(other.cluster)), {
    objections: [{ rule: 'first-file-unfinished', subjects: [{ image: 'fedora' }] }],
  })
  const [a, b] = two()
  await is(t, 'allow', a, evictD1(a.cluster))
  t.match(await is(t, 'hold', b, b.cluster.place('fedora', 'd1')), {
    objections: [{ rule: 'first-file-during-eviction' }],
  })
})

t.test('a copy that is counted on must not be evicted meanwhile, and the reverse', async (t) => {
  const [one, other] = two('v1.10.0')
  one.cluster.image('ubuntu', [ready('d3'), copy('d1', 'unknown')])
  other.cluster.image('ubuntu', [ready('d3'), copy('d1', 'unknown')])
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d3'], { actor: longhornAccount }))
  t.match(await is(t, 'hold', other, evictD1(other.cluster)), {
    objections: [{ rule: 'evict-unready-copy', subjects: [{ node: 'n1', image: 'ubuntu' }] }],
  })
  const [a, b] = two('v1.10.0')
  a.cluster.image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown')])
  b.cluster.image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown')])
  await is(t, 'allow', a, evictD1(a.cluster))
  const evictD3 = b.cluster.toNode('n2', [disk('d3', emptied), disk('d4')])
  t.match(await is(t, 'hold', b, evictD3), { objections: [{ rule: 'evict-unready-copy' }] })
})

t.test('changes of the same side are compatible', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1']))
  await is(t, 'allow', other, other.cluster.cleanUp('debian', ['d2']))
  await is(t, 'allow', one, one.cluster.place('fedora', 'd2'))
  t.equal(one.reservations.length, 3)
})

t.test('a change on another node passes', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d3']))
})

t.test('a disk that no node has may be the one of unknown UUID', async (t) => {
  const unknown = () =>
    usual()
      .node('n1', [disk('d1'), disk('d5', { synced: false })])
      .image('ubuntu', [ready('d9'), ready('d3'), ready('d4')])
  const book = new InProcessBook()
  const [one, other] = [new GateWorld(unknown(), { book }), new GateWorld(unknown(), { book })]
  const flagged = one.cluster.toNode('n1', [disk('d1', evicting), disk('d5', { synced: false })])
  await is(t, 'allow', one, flagged)
  t.match(one.reservations, [{ disks: 'any' }, { disks: 'any' }])
  const held = await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d9']))
  t.match(held, {
    objections: [
      { subjects: [{ diskUUID: uuid('d9') }], found: /, a disk whose UUID was not known then\)$/ },
    ],
  })
  t.notMatch(held, { objections: [{ subjects: [{ node: String }] }] })
  t.ok(other.book.seen(unownedDisks).version)
})

t.test('the review of the same change again takes the place of the first', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  other.clock.advance(5_000)
  await is(t, 'allow', other, evictD1(other.cluster))
  t.match(one.reservations, [{ by: 'two', deadline: other.clock.now() + 70_000 }])
  await is(t, 'allow', one, evictD1(one.cluster))
  t.match(one.reservations, [{ by: 'one', deadline: other.clock.now() + 70_000 }], 'the later deadline stays')
  t.equal(one.reservations.length, 1)
})

t.test('two reviews of one object cover the disks of both, on the newer version', async (t) => {
  const [one, other] = two('v1.8.1')
  await is(t, 'allow', one, evictD1(one.cluster.node('n1', [disk('d1'), disk('d2')], version('7'))))
  await is(t, 'allow', other, evictD2(other.cluster.node('n1', [disk('d1'), disk('d2')], version('5'))))
  t.match(one.reservations, [{ resourceVersion: '7', disks: [uuid('d1'), uuid('d2')] }])
})

const version = (resourceVersion: string) => ({ metadata: { resourceVersion } })

t.test('a conflict under a rule that is not enforced does not count', async (t) => {
  for (const mode of ['warn', 'off'] as const) {
    const modes = { ...defaultPolicy.modes, 'cleanup-during-eviction': mode }
    const [one, other] = two('v1.8.0', { policy: { modes } })
    await is(t, 'allow', one, evictD1(one.cluster))
    await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d1']))
  }
})

t.test('a reservation is over as soon as the disk map shows a newer version of its object', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  other.cluster.node('n1', [disk('d1'), disk('d2')], version('2'))
  await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d1']))
  t.match(one.reservations, [{ intent: 'removal' }], 'and is gone from the book')
})

t.test('past its deadline a reservation is over after one quorum read', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  // At any time of day here.
  other.clock.step(3_600_000)
  other.clock.advance(60_000)
  const held = await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1']))
  t.match(held, { objections: [{ next: /in about 10s at the latest/ }] })
  other.clock.advance(10_000)
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1']))
  other.clock.advance(1)
  await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d1']))
  t.strictSame(other.trips, ['Node n1', 'replicas of ubuntu', 'swap n1', 'node n1'])
  t.match(one.reservations, [{ intent: 'removal' }], 'it is taken off, and marked as it was read')
  t.match([...one.book.entries()], [{ marks: { Node: '1' } }])
})

t.test('on several nodes either all claims are reserved or none', async (t) => {
  const [one, other] = two()
  const evictD3 = one.cluster.toNode('n2', [disk('d3', emptied), disk('d4')])
  await is(t, 'allow', one, evictD3)
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1', 'd3'], { actor: longhornAccount }))
  t.match(one.reservations, [{ intent: 'eviction', name: 'n2' }])
  t.equal(one.reservations.length, 1)
})

t.test('an arming change costs at most three round trips, all others none', async (t) => {
  const world = new GateWorld(usual())
  const { cluster: of, trips } = world
  const cost = async (change: Parameters<GateWorld['decide']>[0]) => {
    const before = trips.length
    const { verdict } = await world.decide(change)
    return [verdict.decision, ...trips.slice(before)]
  }
  t.strictSame(await cost(of.toNode('n1', [disk('d1', { tags: ['ssd'] }), disk('d2')])), ['allow'])
  t.strictSame(await cost(evictD1(of)), ['allow', 'swap n1', 'images', 'data sources'])
  t.strictSame(await cost(of.cleanUp('ubuntu', ['d3'])), [
    'allow',
    'replicas of ubuntu',
    'swap n2',
    'node n2',
  ])
  t.strictSame(await cost(of.place('fedora', 'd4')), ['allow', 'swap n2', 'node n2'])
  of.node('n1', [disk('d1', evicting), disk('d2')])
  t.strictSame(await cost(of.cleanUp('ubuntu', ['d1'])), ['hold'])
  t.strictSame(await cost(of.cleanUp('ubuntu', ['d1', 'd3', 'd4'])), ['refuse'])
  t.strictSame(await cost(of.toNode('n1', [disk('d1'), disk('d2')])), ['allow'])
  const healthy = new GateWorld(usual('v1.10.0'))
  await healthy.decide(healthy.cluster.cleanUp('ubuntu', ['d1']))
  t.strictSame(
    healthy.trips,
    ['replicas of ubuntu', 'swap n2', 'node n2'],
    'on releases that do not crash, a clean-up reserves the ready copy that it leaves',
  )
})

t.test(
  'an entry that another writer has changed is read again, and the reservation is tried on it',
  async (t) => {
    const [one, other] = two()
    one.before = async (trip) => {
      if (trip !== 'swap n1') return
      one.before = () => undefined
      await other.decide(other.cluster.cleanUp('debian', ['d2']))
    }
    await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1']))
    t.strictSame(one.trips, ['replicas of ubuntu', 'swap n1', 'read n1', 'swap n1', 'node n1'])
    t.equal(one.reservations.length, 2)
  },
)

t.test('an unknown entry is read first', async (t) => {
  const world = new GateWorld(usual())
  world.forgetful = true
  await is(t, 'allow', world, world.cluster.cleanUp('ubuntu', ['d1']))
  t.strictSame(world.trips, ['read n1', 'replicas of ubuntu', 'swap n1', 'node n1'])
})

t.test('a change does not conflict with its own reservation in a second review', async (t) => {
  for (const release of ['v1.8.0', 'v1.8.1', 'v1.10.0']) {
    // The eviction of d1 counts on the copy on d2, which is on the same entry.
    const of = () => usual(release).image('ubuntu', [copy('d1', 'unknown'), copy('d2', 'unknown')])
    const world = new GateWorld(of())
    await is(t, 'allow', world, evictD1(world.cluster))
    t.strictSame(
      world.reservations.map(({ intent }) => intent),
      ['eviction', 'keep'],
    )
    await is(t, 'allow', world, evictD1(world.cluster))
    t.equal(world.reservations.length, 2)
  }
})

t.test('a caller that gives up in the queue of an entry lets those after it go on', async (t) => {
  const world = new GateWorld(usual())
  let goOn = (): void => undefined
  const first = new Promise<void>((resolve) => (goOn = resolve))
  world.before = (trip) => (trip === 'swap n1' ? first : undefined)
  const one = world.decide(evictD1(world.cluster))
  await turns()
  const leaving = new AbortController()
  const two = world.decide(evictD1(world.cluster), 0, leaving.signal)
  const three = world.decide(evictD1(world.cluster))
  await turns()
  leaving.abort()
  t.equal((await two).verdict.decision, 'unavailable')
  goOn()
  t.equal((await one).verdict.decision, 'allow')
  t.equal((await three).verdict.decision, 'allow')
})

t.test('a reservation is released even if the book has become unknown', async (t) => {
  const world = new GateWorld(usual())
  const { release } = await world.decide(evictD1(world.cluster))
  world.forgetful = true
  await release?.()
  t.strictSame(world.reservations, [])
  t.strictSame(world.trips.slice(-1), ['swap n1'])
})
