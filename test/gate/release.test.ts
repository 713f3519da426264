import t, { type Test } from 'tap'
import { InProcessBook } from '../../src/gate/in-process-book.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { eventually } from '../fixtures/eventually.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const evicting = { evictionRequested: true }
const calm = { allowScheduling: false }

/** n1 with two disks and a copy on each of two images, so that each can lose one. */
const usual = (release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d4')])
    .image('debian', [ready('d2'), ready('d3'), ready('d4')])

const evictD1 = (of: TestCluster) => of.toNode('n1', [disk('d1', { ...evicting, ...calm }), disk('d2')])

/** Two replicas of the guard with one book, on the same state of the cluster. */
function two(release?: string, options: GateWorldOptions = {}): [GateWorld, GateWorld] {
  const book = new InProcessBook()
  return [
    new GateWorld(usual(release), { ...options, book }),
    new GateWorld(usual(release), { ...options, book, replica: 'two' }),
  ]
}

async function is(t: Test, decision: string, world: GateWorld, change: Parameters<GateWorld['decide']>[0]) {
  const { verdict } = await world.decide(change)
  t.equal(verdict.decision, decision)
  return verdict
}

t.test('when the book cannot be had, arming changes get 503 and leave nothing behind', async (t) => {
  const world = new GateWorld(usual())
  let down = true
  world.before = (trip) => {
    if (down && trip.startsWith('swap')) throw new Error('leases are down')
  }
  const { verdict, answer } = await world.decide(evictD1(world.cluster))
  t.match(verdict, { decision: 'unavailable', why: 'reservations-unreachable', warnings: [] })
  t.match(answer, { allowed: false, status: { code: 503, details: { retryAfterSeconds: 2 } } })
  t.match(world.problems, [{ what: 'reservations-unreachable', error: { message: 'leases are down' } }])
  await is(t, 'allow', world, world.cluster.toNode('n1', [disk('d1', { tags: ['ssd'] }), disk('d2')]))
  down = false
  await is(t, 'allow', world, evictD1(world.cluster))
})

t.test('a swap of which nobody knows whether it was done is taken back', async (t) => {
  const world = new GateWorld(usual())
  world.after = (trip) => {
    world.after = () => undefined
    throw new Error(`the answer to ${trip} was lost`)
  }
  await is(t, 'unavailable', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'read n1', 'swap n1'])
  t.strictSame(world.reservations, [])
})

t.test('what cannot be taken back is told, and stands until its deadline', async (t) => {
  const world = new GateWorld(usual())
  world.before = (trip) => {
    if (trip !== 'swap n1') throw new Error('the API server is down')
  }
  await is(t, 'unavailable', world, evictD1(world.cluster))
  t.match(world.problems, [{ what: 'not-confirmed' }])
  t.strictSame(world.reservations, [], 'the page was known, so taking back worked')
  world.after = (trip) => {
    if (trip === 'swap n1') throw new Error('the answer was lost')
  }
  await is(t, 'unavailable', world, evictD1(world.cluster))
  t.match(world.problems.slice(1), [{ what: 'reservations-unreachable' }, { what: 'not-released' }])
  t.equal(world.reservations.length, 1)
})

t.test('taking back has its own time, and gives up after five seconds', async (t) => {
  const world = new GateWorld(usual())
  const client = new AbortController()
  world.after = (trip) => {
    world.after = () => undefined
    client.abort(new Error('gone'))
    throw new Error(`the answer to ${trip} was lost`)
  }
  await world.decide(evictD1(world.cluster), 1_000, client.signal)
  t.strictSame(world.reservations, [], 'although the client has gone')
  const slow = new GateWorld(usual())
  slow.before = (trip) => (trip === 'read n1' ? new Promise(() => undefined) : undefined)
  slow.after = () => {
    throw new Error('the answer was lost')
  }
  const decided = slow.decide(evictD1(slow.cluster))
  await eventually(() => slow.trips.includes('read n1'))
  slow.clock.advance(5_000)
  t.equal((await decided).verdict.decision, 'unavailable')
  t.match(slow.problems, [{ what: 'reservations-unreachable' }, { what: 'not-released' }])
})

t.test('taking back puts back what was reserved for another review of the same object', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  const [first] = one.reservations
  other.before = (trip) => {
    if (trip === 'images') throw new Error('the API server is down')
  }
  await is(t, 'unavailable', other, evictD1(other.cluster))
  t.strictSame(one.reservations, [first], 'that change may still be on its way')
})

t.test('taking back leaves alone what somebody else has put in its place', async (t) => {
  const [one, other] = two()
  one.before = async (trip) => {
    if (trip !== 'images') return
    await other.decide(evictD1(other.cluster))
    throw new Error('the API server is down')
  }
  await is(t, 'unavailable', one, evictD1(one.cluster))
  t.match(one.reservations, [{ by: 'two' }])
})
