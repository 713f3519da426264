import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, ready, uuid } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { emptied } from './replicas.ts'
import { reservation } from './reservation-book-contract.ts'

/** n2 has its own disk, and the same disk as n1, from a copied machine for example. */
const shared = (options = {}) => [disk('d2'), disk('copied', { diskUUID: uuid('d1'), ...options })]
const version = (resourceVersion: string) => ({ metadata: { resourceVersion } })

function usual(release: string, copied: boolean): TestCluster {
  return cluster(release)
    .node('n1', [disk('d1')])
    .node('n2', copied ? shared() : [disk('d2')], version(copied ? '6' : '1'))
    .node('n3', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d3')])
}

/** Two replicas; the first evicts the disk of n2, and has seen it. The other has not even heard that n2 has it. */
async function evicted(release: string) {
  const book = new InProcessBook()
  const truth = usual(release, true)
  const one = new GateWorld(usual(release, true), { book, truth })
  const other = new GateWorld(usual(release, false), { book, truth, replica: 'two' })
  const eviction = one.cluster.toNode('n2', shared(emptied))
  t.equal((await one.decide(eviction)).verdict.decision, 'allow')
  t.strictSame(
    [...book.entries()].map(({ key }) => key).toSorted(),
    ['n1', 'n2'],
    'it meets clean-ups on n1 too',
  )
  for (const each of [truth, one.cluster]) each.node('n2', shared(emptied), version('7'))
  one.emit('Node', 'n2')
  await eventually(() => one.reservations.length === 0)
  const cleanUp = () => other.decide(other.cluster.cleanUp('ubuntu', ['d1']))
  return { other, cleanUp }
}

for (const release of ['v1.8.0', 'v1.8.1']) {
  t.test(
    `a clean-up sees an eviction of the same disk on a node it knows nothing of (${release})`,
    async (t) => {
      const { other, cleanUp } = await evicted(release)
      other.freshness.seenUpTo = () => '5'
      const { verdict } = await cleanUp()
      t.equal(verdict.decision, 'hold')
      t.match(verdict, { objections: [{ rule: 'cleanup-during-eviction', subjects: [{ node: 'n2' }] }] })
      t.ok(other.trips.includes('nodes'))
    },
  )
}

t.test('a clean-up reads only its node if the watch has reached the marks', async (t) => {
  const { other, cleanUp } = await evicted('v1.8.0')
  other.freshness.seenUpTo = () => '7'
  await cleanUp()
  t.strictSame(
    other.trips.filter((trip) => trip.startsWith('node')),
    ['node n1'],
  )
})

t.test('a clean-up reads all nodes where the entry has no marks', async (t) => {
  const world = new GateWorld(usual('v1.8.0', true))
  const { signal } = new AbortController()
  const older = { ...reservation('older'), intent: 'removal' } as const
  await world.book.swap(await world.book.read('n1', signal), { reservations: [older] }, signal)
  t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))).verdict.decision, 'allow')
  t.ok(world.trips.includes('nodes'))
})

t.test('at most one of two nodes that show one disk may release it', async (t) => {
  for (const release of ['v1.8.0', 'v1.8.1', 'v1.10.0']) {
    const both = () =>
      cluster(release)
        .node('n1', [disk('d1')])
        .node('n2', shared())
        .image('ubuntu', [ready('d1')])
    const book = new InProcessBook()
    const one = new GateWorld(both(), { book })
    t.equal((await one.decide(one.cluster.toNode('n1', []))).verdict.decision, 'allow')
    const other = new GateWorld(both(), { book, replica: 'two' })
    const { verdict } = await other.decide(other.cluster.toNode('n2', [disk('d2')]))
    t.match(verdict, { decision: 'hold', objections: [{ rule: 'disk-removal-with-copies' }] }, release)
    const later = both().node('n1', [])
    const { verdict: then } = await new GateWorld(later).decide(later.toNode('n2', [disk('d2')]))
    t.match(then, { decision: 'refuse', objections: [{ rule: 'disk-removal-with-copies' }] })
  }
})
