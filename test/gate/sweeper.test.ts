import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { isNewer, type Reservation } from '../../src/gate/reservation.ts'
import { isOlder } from '../../src/longhorn/metadata.ts'
import { cluster, parsed } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { disk, rawNode, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d4')])

const version = (resourceVersion: string) => ({ metadata: { resourceVersion } })

/** Two replicas with one book; the first has admitted a clean-up. */
async function admitted(): Promise<[GateWorld, GateWorld]> {
  const book = new InProcessBook()
  const [one, other] = [new GateWorld(usual(), { book }), new GateWorld(usual(), { book, replica: 'two' })]
  await one.decide(one.cluster.cleanUp('ubuntu', ['d1']))
  return [one, other]
}

t.test('a replica takes its own reservation back as soon as the outcome is seen', async (t) => {
  const [one] = await admitted()
  one.emit('BackingImage', 'ubuntu')
  await turns()
  t.equal(one.reservations.length, 1, 'nothing new was seen')
  one.cluster.image('ubuntu', [ready('d3'), ready('d4')], version('2'))
  one.emit('BackingImage', 'debian')
  await turns()
  t.equal(one.reservations.length, 1, 'no read for entries that have not changed')
  one.emit('BackingImage', 'ubuntu')
  await eventually(() => one.reservations.length === 0)
  t.match(
    [...one.book.entries()],
    [{ key: 'n1', reservations: [], marks: { BackingImage: '2' } }],
    'the version that shows it is marked',
  )
})

t.test('reservations of many requests on an entry are removed in one swap', async (t) => {
  const book = new InProcessBook()
  const of = usual().image('debian', [ready('d1'), ready('d3')])
  const world = new GateWorld(of, { book, tidyMs: 500 })
  for (const image of ['ubuntu', 'debian']) await world.decide(of.cleanUp(image, ['d1']))
  world.trips.length = 0
  for (const image of ['ubuntu', 'debian']) {
    of.image(image, [ready('d3'), ready('d4')], version('2'))
    world.emit('BackingImage', image)
  }
  await turns()
  t.equal(world.reservations.length, 2, 'not at once')
  world.clock.advance(500)
  await eventually(() => world.reservations.length === 0)
  t.strictSame(world.trips, ['swap n1'])
  of.image('debian', [ready('d1'), ready('d3')], version('3'))
  await world.decide(of.cleanUp('debian', ['d1']))
  of.image('debian', [ready('d3')], version('4'))
  world.emit('BackingImage', 'debian')
  await world.gate.stop()
  t.equal(world.clock.pending, 0, 'a guard that stops tidies up no more')
})

t.test('another replica does so with its next sweep', async (t) => {
  const [one, other] = await admitted()
  other.cluster.image('ubuntu', [ready('d3'), ready('d4')], version('2'))
  other.emit('BackingImage', 'ubuntu')
  await turns()
  t.equal(one.reservations.length, 1)
  other.clock.advance(30_000)
  await eventually(() => one.reservations.length === 0)
})

t.test('past its deadline, a sweep takes it back after one quorum read', async (t) => {
  const [one, other] = await admitted()
  other.clock.advance(60_000)
  await turns()
  t.equal(one.reservations.length, 1)
  other.clock.advance(30_000)
  await eventually(() => one.reservations.length === 0)
  t.strictSame(other.trips, ['BackingImage ubuntu', 'swap n1'])
})

t.test('a reservation that cannot be released is reported, and retried with the next sweep', async (t) => {
  const [one, other] = await admitted()
  other.before = () => {
    throw new Error('the API server is down')
  }
  other.clock.advance(90_000)
  await eventually(() => other.problems.length === 1)
  t.match(other.problems, [{ what: 'not-released', error: { message: 'the API server is down' } }])
  other.before = () => undefined
  other.clock.advance(30_000)
  await eventually(() => one.reservations.length === 0)
})

t.test('stopping waits for work in progress, and reports nothing afterwards', async (t) => {
  const [, other] = await admitted()
  other.before = () => new Promise(() => undefined)
  other.clock.advance(90_000)
  await eventually(() => other.trips.length === 1)
  await other.gate.stop()
  t.strictSame(other.problems, [])
  t.equal(other.clock.pending, 0)
})

const reservation: Reservation = {
  kind: 'Node',
  name: 'n1',
  uid: 'uid-n1',
  resourceVersion: '7',
  intent: 'eviction',
  disks: 'any',
  deadline: 0,
  by: 'one',
  stamp: 'one/1',
}

t.test('the outcome of a change is any newer version of its object', (t) => {
  const metadata = (resourceVersion: string, uid = 'uid-n1') =>
    parsed('Node', rawNode('n1', [], { metadata: { resourceVersion, uid } })).metadata
  t.notOk(isNewer(reservation, metadata('6')))
  t.notOk(isNewer(reservation, metadata('7')))
  t.ok(isNewer(reservation, metadata('8')))
  t.ok(isNewer(reservation, metadata('10')), 'by number, not by text')
  t.ok(isNewer(reservation, metadata('8', 'other')), 'made anew under its name')
  t.notOk(isNewer(reservation, metadata('6', 'other')), 'an earlier one of its name')
  const creation = { ...reservation, resourceVersion: '' }
  t.ok(isNewer(creation, metadata('1')), 'a creation is settled once the object is there')
  t.notOk(isNewer(creation, metadata('1', 'other')))
  t.notOk(isNewer({ ...creation, uid: '' }, metadata('1', '')), 'without a uid nothing is proved')
  t.end()
})

t.test('versions that are no numbers are not compared', (t) => {
  t.ok(isOlder('18446744073709551615', '18446744073709551616'))
  t.notOk(isOlder('a', 'b'))
  t.notOk(isOlder('a', '2'))
  t.notOk(isOlder('1', 'b'))
  t.end()
})

t.test('an entry with marks only is kept for ten minutes, then removed', async (t) => {
  const [one] = await admitted()
  one.cluster.image('ubuntu', [ready('d3'), ready('d4')], version('2'))
  one.emit('BackingImage', 'ubuntu')
  await eventually(() => one.reservations.length === 0)
  await one.clock.advanceStepwise(590_000)
  t.equal([...one.book.entries()].length, 1)
  await one.clock.advanceStepwise(60_000)
  t.strictSame([...one.book.entries()], [])
})

t.test('an entry that another replica has removed is not looked after', async (t) => {
  const [one, other] = await admitted()
  for (const each of [one, other]) each.cluster.image('ubuntu', [ready('d3'), ready('d4')], version('2'))
  one.emit('BackingImage', 'ubuntu')
  await eventually(() => one.reservations.length === 0)
  await other.clock.advanceStepwise(60_000)
  await one.clock.advanceStepwise(650_000)
  t.strictSame([...one.book.entries()], [])
  await other.clock.advanceStepwise(650_000)
  t.strictSame(other.trips, [])
})

t.test('if the object of a reservation is gone, there is no mark, and its entry goes', async (t) => {
  const book = new InProcessBook()
  const truth = usual()
  const one = new GateWorld(usual(), { book, truth })
  await one.decide(one.cluster.cleanUp('ubuntu', ['d1']))
  one.truth = cluster('v1.8.0')
  await one.clock.advanceStepwise(90_001)
  t.strictSame([...one.book.entries()], [])
})
