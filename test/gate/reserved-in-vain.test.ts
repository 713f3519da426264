import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { cluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { copy, disk, ready } from '../fixtures/raw-objects.ts'
import type { GateWorld } from './gate-world.ts'
import { cleanUpDebian, endCleanUp, evictD2, evicting, usual, waiting, worldOf } from './waiting-eviction.ts'

for (const [how, end] of [
  ['its time is up', ({ clock }) => clock.advance(10_000)],
  ['its client has gone', (_, client) => client.abort()],
  ['the guard stops', ({ gate }) => gate.stopHolding()],
] as [string, (world: GateWorld, client: AbortController) => void][]) {
  t.test(`without an admission nothing stays reserved: ${how}`, async (t) => {
    const { world, client, decision } = await waiting()
    end(world, client)
    t.equal((await decision).verdict.decision, 'hold')
    await world.gate.stop()
    t.strictSame(world.reservations, [])
    t.strictSame(world.trips, ['swap n1', 'swap n1'])
    t.equal(world.clock.pending, 0)
  })
}

t.test('an eviction that something else stops after the wait gives its reservation back', async (t) => {
  const { world, decision } = await waiting()
  // Meanwhile debian has its only copy on the disk, and that is not ready.
  world.cluster.image('debian', [copy('d2', 'in-progress')])
  endCleanUp(world)
  await turns()
  world.gate.stopHolding()
  t.not((await decision).verdict.decision, 'allow')
  await world.gate.stop()
  t.strictSame(world.reservations, [])
})

t.test('an answer does not wait until its reservation is taken back', async (t) => {
  const { world, decision } = await waiting()
  world.before = () => new Promise(() => undefined)
  world.clock.advance(10_000)
  t.equal((await decision).verdict.decision, 'hold')
  t.match(world.reservations, [{ intent: 'eviction' }])
})

t.test('what was reserved in part is taken back', async (t) => {
  const book = new InProcessBook()
  // This replica has not heard of d2, so it reserves the clean-up where disks are that no node has.
  const behind = cluster('v1.8.0').node('n2', [disk('d3'), disk('d4')])
  const other = worldOf(behind.image('debian', [ready('d2'), ready('d3'), ready('d4')]), {
    book,
    replica: 'two',
  })
  t.equal((await other.decide(cleanUpDebian(other.cluster))).answer.allowed, true)
  const world = worldOf(usual(), { book })
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await turns()
  t.strictSame(world.trips, ['swap n1', 'swap n1'])
  t.match(world.reservations, [{ intent: 'removal' }])
  t.equal(world.reservations.length, 1)
  world.gate.stopHolding()
  await decision
})

t.test('a write that hangs ends with the wait', async (t) => {
  const world = worldOf(usual())
  world.before = () => new Promise(() => undefined)
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.trips.length === 1)
  world.gate.stopHolding()
  t.equal((await decision).verdict.decision, 'hold')
  world.before = () => undefined
  await world.gate.stop()
  t.equal(world.clock.pending, 0)
  t.strictSame(world.reservations, [])
})

t.test('two evictions of one node at two replicas that wait in vain leave nothing behind', async (t) => {
  for (const firstEnds of [true, false]) {
    const book = new InProcessBook()
    const [one, two] = ['one', 'two'].map((replica) => worldOf(usual(), { book, replica }))
    if (!one || !two) throw new Error('there are two')
    const first = one.decide(evictD2(one.cluster), 10_000)
    await eventually(() => one.reservations.length === 1)
    const second = two.decide(two.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]), 10_000)
    await eventually(() => two.trips.length === 1)
    await turns()
    for (const [world, decision] of firstEnds
      ? ([
          [one, first],
          [two, second],
        ] as const)
      : ([
          [two, second],
          [one, first],
        ] as const)) {
      world.clock.advance(10_000)
      t.equal((await decision).verdict.decision, 'hold')
      await turns()
    }
    t.strictSame(one.reservations, [], firstEnds ? 'the first ends first' : 'the second ends first')
    await Promise.all([one.gate.stop(), two.gate.stop()])
  }
})
