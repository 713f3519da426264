import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const replicas = 'replicas of ubuntu'

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d3')])

t.test('the replicas are read while the reservation is written', async (t) => {
  const world = new GateWorld(usual())
  let write = (): void => undefined
  const isWritten = new Promise<void>((resolve) => (write = resolve))
  world.before = (trip) => (trip === 'swap n1' ? isWritten : undefined)
  const reading = new Promise<void>((resolve) => (world.after = (trip) => trip === replicas && resolve()))
  const decided = world.decide(world.cluster.cleanUp('ubuntu', ['d1']))
  await reading
  write()
  t.equal((await decided).verdict.decision, 'allow')
  t.strictSame(world.trips, [replicas, 'swap n1', 'node n1'])
})

t.test('they are read again if the reservation took longer than a second', async (t) => {
  for (const [ms, trips] of [
    [1_000, [replicas, 'swap n1', 'node n1']],
    [1_001, [replicas, 'swap n1', 'node n1', replicas]],
  ] as const) {
    const world = new GateWorld(usual())
    world.before = (trip) => {
      if (trip === 'swap n1') world.clock.advance(ms)
    }
    t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']), 10_000)).verdict.decision, 'allow')
    t.strictSame(world.trips, trips, `after ${ms} ms`)
  }
})

t.test('a reservation that meets another one reads none', async (t) => {
  const world = new GateWorld(usual())
  await world.decide(world.cluster.toNode('n1', [disk('d1'), disk('d2', { evictionRequested: true })]))
  world.trips.length = 0
  const { verdict } = await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))
  t.equal(verdict.decision, 'hold')
  t.notOk(world.trips.includes(replicas))
})

t.test('a read ahead that fails is made once more', async (t) => {
  const world = new GateWorld(usual())
  world.before = (trip) => {
    if (trip !== replicas) return
    world.before = () => undefined
    throw new Error('no answer')
  }
  t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']), 10_000)).verdict.decision, 'allow')
  t.equal(world.trips.filter((trip) => trip === replicas).length, 2)
  t.strictSame(world.problems, [])
})

t.test('reads that fail deny the clean-up, and one that nobody waits for is no problem', async (t) => {
  const failing = new GateWorld(usual())
  failing.before = (trip) => {
    if (trip === replicas) throw new Error('no answer')
  }
  const { verdict } = await failing.decide(failing.cluster.cleanUp('ubuntu', ['d1']))
  t.match(verdict, { decision: 'unavailable' })
  t.match(failing.problems, [{ what: 'not-confirmed', error: { message: 'no answer' } }])
  t.strictSame(failing.reservations, [])

  const unwritten = new GateWorld(usual())
  unwritten.before = (trip) => {
    throw new Error(`no answer to ${trip}`)
  }
  t.match((await unwritten.decide(unwritten.cluster.cleanUp('ubuntu', ['d1']))).verdict, {
    decision: 'unavailable',
  })
  t.match(unwritten.problems, [{ what: 'reservations-unreachable' }])
})

t.test('nor does one that meets another on the last of its entries', async (t) => {
  const three = usual()
    .node('n3', [disk('d5')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d5')])
  const world = new GateWorld(three)
  await world.decide(world.cluster.toNode('n2', [disk('d3', { evictionRequested: true })]))
  world.trips.length = 0
  const { verdict } = await world.decide(world.cluster.cleanUp('ubuntu', ['d1', 'd3']))
  t.equal(verdict.decision, 'hold')
  t.ok(world.trips.includes('swap n1'))
  t.notOk(world.trips.includes(replicas))
})
