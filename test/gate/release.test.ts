import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { eventually } from '../fixtures/eventually.ts'
import { GateWorld } from './gate-world.ts'
import { evictD1, is, two, usual } from './replicas.ts'

t.test('arming changes get 503 and leave nothing behind if the book is not readable', async (t) => {
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

t.test('a swap with an unknown outcome is released', async (t) => {
  const world = new GateWorld(usual())
  world.after = (trip) => {
    world.after = () => undefined
    throw new Error(`the answer to ${trip} was lost`)
  }
  await is(t, 'unavailable', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'read n1', 'swap n1'])
  t.strictSame(world.reservations, [])
})

t.test('a reservation that cannot be released is reported, and stays until its deadline', async (t) => {
  const world = new GateWorld(usual())
  world.before = (trip) => {
    if (trip !== 'swap n1') throw new Error('the API server is down')
  }
  await is(t, 'unavailable', world, evictD1(world.cluster))
  t.match(world.problems, [{ what: 'not-confirmed' }])
  t.strictSame(world.reservations, [], 'the entry was known, so taking back worked')
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

t.test('a release restores the reservation of another review of the same object', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  const [first] = one.reservations
  other.before = (trip) => {
    if (trip === 'images') throw new Error('the API server is down')
  }
  await is(t, 'unavailable', other, evictD1(other.cluster))
  t.strictSame(one.reservations, [first], 'that change may still be on its way')
})

t.test('a release leaves no reservation of two rounds on one entry', async (t) => {
  // The disk map knows d2 on n2; it has moved to n1, where the second round claims it too.
  const before = () =>
    cluster('v1.8.1')
      .node('n1', [disk('d1')])
      .node('n2', [disk('d2'), disk('d3')])
      .image('ubuntu', [ready('d1'), ready('d2'), ready('d3')])
  const moved = (state = {}) =>
    before()
      .node('n1', [disk('d1'), disk('d2', state)], { metadata: { resourceVersion: '9' } })
      .node('n2', [disk('d3')], { metadata: { resourceVersion: '9' } })
  const refused = new GateWorld(before(), { truth: moved({ evictionRequested: true }) })
  await is(t, 'hold', refused, refused.cluster.cleanUp('ubuntu', ['d1', 'd2']))
  t.strictSame(refused.reservations, [])
  const passed = new GateWorld(before(), { truth: moved() })
  const cleanUp = passed.cluster.cleanUp('ubuntu', ['d1', 'd2'], { door: 'proxy-longhorn' })
  const { verdict, release } = await passed.decide(cleanUp)
  t.equal(verdict.decision, 'allow')
  await release?.()
  t.strictSame(passed.reservations, [])
})

t.test('a release leaves a reservation that replaced its own', async (t) => {
  const [one, other] = two()
  one.before = async (trip) => {
    if (trip !== 'images') return
    await other.decide(evictD1(other.cluster))
    throw new Error('the API server is down')
  }
  await is(t, 'unavailable', one, evictD1(one.cluster))
  t.match(one.reservations, [{ by: 'two' }])
})

t.test(
  'the release of a write removes the marks too if the outcome of the write cannot be read',
  async (t) => {
    for (const hangs of [false, true]) {
      const world = new GateWorld(usual())
      const signal = new AbortController().signal
      const contents = { reservations: [], marks: { BackingImage: '12' } }
      await world.book.swap(await world.book.read('n1', signal), contents, signal)
      const change = world.cluster.cleanUp('ubuntu', ['d1'], { door: 'proxy-longhorn' })
      const { release } = await world.decide(change)
      t.ok(world.reservations.length > 0)
      world.before = (trip) => {
        if (trip !== 'BackingImage ubuntu') return
        if (hangs) return new Promise(() => undefined)
        throw new Error('the API server is down')
      }
      const released = release?.()
      await eventually(() => world.trips.includes('BackingImage ubuntu'))
      if (hangs) world.clock.advance(2_000)
      await released
      t.strictSame(world.reservations, [])
      t.strictSame([...world.book.entries()], [], 'without marks the entry proves nothing, and is removed')
      t.strictSame(world.problems, [])
    }
  },
)
