import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { evictD1, is, two, usual } from './replicas.ts'

/** A world whose book was watched for long. */
function watching(): GateWorld {
  const world = new GateWorld(usual())
  world.markedSince = -Infinity
  return world
}

/** An entry with a mark, and a map that has come as far as said. */
async function marked(seen: string): Promise<GateWorld> {
  const world = watching()
  const entry = await world.book.read('n1', new AbortController().signal)
  const contents = { reservations: [], marks: { BackingImage: '12' } }
  await world.book.swap(entry, contents, new AbortController().signal)
  world.freshness.seenUpTo = () => seen
  return world
}

t.test('an eviction costs one round trip where the map has come as far as the marks', async (t) => {
  const world = await marked('12')
  await is(t, 'allow', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1'])
  const unmarked = watching()
  await is(t, 'allow', unmarked, evictD1(unmarked.cluster))
  t.strictSame(unmarked.trips, ['swap n1'], 'an old entry proves as much')
})

t.test('an eviction waits shortly for a watch that is behind the marks', async (t) => {
  const world = await marked('9')
  const decided = is(t, 'hold', world, evictD1(world.cluster))
  await turns()
  world.cluster.image('debian', [ready('d3')])
  world.cluster.image('debian', [{ disk: 'd1', wanted: false, evictionRequested: false, state: 'ready' }])
  world.freshness.seenUpTo = () => '12'
  world.emit('BackingImage', 'debian')
  await decided
  t.notOk(world.trips.includes('images'), 'it is judged on the state of the watch')
})

t.test('an eviction lists stored objects if the watch does not catch up in half a second', async (t) => {
  const world = await marked('9')
  const decided = world.decide(evictD1(world.cluster), 10_000)
  await turns()
  world.clock.advance(500)
  t.equal((await decided).verdict.decision, 'allow')
  t.strictSame(world.trips, ['swap n1', 'images', 'data sources'])
})

t.test('an eviction lists stored objects if a change may have left the entry without a mark', async (t) => {
  const world = watching()
  world.markedSince = world.clock.monotonic() - 9_000
  await is(t, 'allow', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'images', 'data sources'])
  const later = watching()
  later.markedSince = later.clock.monotonic() - 11_000
  await is(t, 'allow', later, evictD1(later.cluster))
  t.strictSame(later.trips, ['swap n1'])
})

t.test('an eviction reads the versions of its images if the watch of images was silent', async (t) => {
  const world = watching()
  world.freshness.ageMs = () => 20_000
  await is(t, 'allow', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'BackingImage ubuntu'])
})

/** An eviction of a disk with so many images, where the watch of images was silent. */
async function silentWith(images: number): Promise<GateWorld> {
  const world = watching()
  world.freshness.ageMs = () => 20_000
  for (let n = 1; n < images; n++) world.cluster.image(`image-${n}`, [ready('d1'), ready('d3'), ready('d4')])
  await is(t, 'allow', world, evictD1(world.cluster))
  return world
}

t.test('an eviction lists images if more than twenty are concerned', async (t) => {
  const twenty = await silentWith(20)
  t.equal(twenty.trips.filter((trip) => trip.startsWith('BackingImage ')).length, 20)
  t.notOk(twenty.trips.includes('images'))
  t.strictSame((await silentWith(21)).trips, ['swap n1', 'images', 'data sources'])
})

t.test('if the version of an image cannot be read, stored objects are listed', async (t) => {
  const world = watching()
  world.freshness.ageMs = () => 20_000
  world.before = (trip) => {
    if (trip === 'BackingImage ubuntu') throw new Error('no answer')
  }
  await is(t, 'allow', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'BackingImage ubuntu', 'images', 'data sources'])
})

t.test('an image that is gone by now has no version to wait for', async (t) => {
  const world = new GateWorld(usual(), { truth: cluster('v1.8.0') })
  world.markedSince = -Infinity
  world.freshness.ageMs = () => 20_000
  await is(t, 'allow', world, evictD1(world.cluster))
  t.strictSame(world.trips, ['swap n1', 'BackingImage ubuntu'])
})

t.test('an admitted write must not be forwarded ten seconds later, by either clock', async (t) => {
  const [one] = two()
  const { isLate } = await one.decide(evictD1(one.cluster))
  t.equal(isLate?.(), false)
  one.clock.step(-3_600_000)
  t.equal(isLate?.(), false)
  one.clock.advance(10_000)
  t.equal(isLate?.(), false)
  one.clock.advance(1)
  t.equal(isLate?.(), true)
  const slept = await one.decide(evictD1(one.cluster))
  one.clock.step(10_001)
  t.equal(slept.isLate?.(), true, 'the counted clock stands still in sleep')
})

t.test('a release by a proxy after the answer leaves the version that it then reads', async (t) => {
  const world = new GateWorld(usual())
  const change = world.cluster.cleanUp('ubuntu', ['d1'], { door: 'proxy-longhorn' })
  const { release } = await world.decide(change)
  await release?.()
  t.ok(world.trips.includes('BackingImage ubuntu'))
  t.match([...world.book.entries()], [{ key: 'n1', reservations: [], marks: { BackingImage: String } }])
})
