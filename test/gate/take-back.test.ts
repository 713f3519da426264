import t from 'tap'
import { mostReleased, Released } from '../../src/gate/take-back.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { cluster } from '../fixtures/cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const made = (stamp: string): Reservation => ({
  kind: 'Node',
  name: 'n1',
  uid: 'uid-n1',
  resourceVersion: '1',
  intent: 'eviction',
  disks: 'any',
  deadline: 0,
  by: 'one',
  stamp,
})

t.test('two parallel denied reviews of one object leave no reservation', async (t) => {
  const before = cluster('v1.8.0').node('n1', [disk('d1'), disk('d2')])
  const truth = cluster('v1.8.0').node('n1', [disk('d1'), disk('d2', { evictionRequested: true })])
  for (const each of [before, truth])
    each.node('n2', [disk('d3')]).image('ubuntu', [ready('d1'), ready('d3')])
  const world = new GateWorld(before, { truth })
  const free: (() => void)[] = []
  world.before = (trip) =>
    trip === 'node n1' ? new Promise<void>((resolve) => free.push(resolve)) : undefined
  const decisions = [1, 2].map(() => world.decide(before.cleanUp('ubuntu', ['d1'])))
  await turns()
  t.equal(free.length, 2)
  free[0]?.()
  await decisions[0]
  free[1]?.()
  await Promise.all(decisions)
  t.strictSame(world.reservations, [])
})

t.test('a reservation that a released one had replaced is restored', (t) => {
  const [first, second, third] = [made('1'), made('2'), made('3')]
  const released = new Released()
  t.equal(released.standing(second), second)
  released.add([{ made: second, displaced: first }])
  t.equal(released.standing(second), first, 'the first may still be on its way')
  released.add([{ made: first, displaced: undefined }])
  t.equal(released.standing(second), undefined)
  t.equal(released.standing(third), third)
  t.equal(released.standing(undefined), undefined)
  t.end()
})

t.test('the number of remembered ones is limited to the latest', (t) => {
  const released = new Released()
  const all = Array.from({ length: mostReleased + 1 }, (_, at) => made(`${at}`))
  released.add(all.map((each) => ({ made: each, displaced: undefined })))
  t.strictSame(
    all.filter((each) => released.standing(each)),
    all.slice(0, 1),
  )
  t.end()
})
