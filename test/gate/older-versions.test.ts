import t from 'tap'
import { InProcessBook, Lifetimes } from '../../src/gate/reservation-book.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { disk } from '../fixtures/raw-objects.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, is, usual } from './replicas.ts'

const signal = new AbortController().signal
const seconds = 1_000

/** A reservation by an older version: it has no duration. */
const older = (deadline: number, more: Partial<Reservation> = {}): Reservation => ({
  kind: 'Node',
  name: 'n1',
  uid: 'uid-n1',
  resourceVersion: '1',
  intent: 'eviction',
  disks: 'any',
  deadline,
  by: 'old',
  stamp: 'old/1',
  ...more,
})

/** When it ends, counted from when it is first seen, in milliseconds; asked for a while later. */
async function lasts(toDeadline: number, more: Partial<Reservation> = {}): Promise<number> {
  const [book, clock] = [new InProcessBook(), new FakeClock()]
  const lifetimes = new Lifetimes(book, clock)
  const began = clock.monotonic()
  const reservation = older(clock.now() + toDeadline, more)
  await book.swap(book.seen('n1'), { reservations: [reservation] }, signal)
  clock.advance(20 * seconds)
  return lifetimes.endOf('n1', reservation) - began
}

t.test('a reservation by an older version lasts as long as its webhook and its proxies need', async (t) => {
  t.equal(await lasts(70 * seconds), 70 * seconds)
  t.equal(await lasts(190 * seconds, { pinned: true }), 190 * seconds)
})

t.test('a proxy of an older version with a longer limit shows it in the deadline', async (t) => {
  t.equal(await lasts(610 * seconds, { pinned: true }), 610 * seconds)
  t.equal(await lasts(310 * seconds), 310 * seconds)
})

t.test('a deadline by a wrong clock shortens nothing', async (t) => {
  t.equal(await lasts(-3_600 * seconds), 70 * seconds)
  t.equal(await lasts(10 * seconds, { pinned: true }), 190 * seconds)
  t.equal(
    await lasts(3_600 * seconds, { lastsMs: 70 * seconds }),
    70 * seconds,
    'nor does it count beside lastsMs',
  )
})

t.test('a second admission of the same change does not shorten it', async (t) => {
  const world = new GateWorld(usual())
  const reservation = older(world.clock.now() + 610 * seconds)
  await world.book.swap(world.book.seen('n1'), { reservations: [reservation] }, signal)
  await is(t, 'allow', world, world.cluster.toNode('n1', [disk('d1', emptied), disk('d2')]))
  t.match(world.reservations, [{ by: 'one', lastsMs: 610 * seconds }])
})
