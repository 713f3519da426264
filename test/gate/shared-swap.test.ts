import t from 'tap'
import { turns } from '../fixtures/eventually.ts'
import { disk } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, evictD1, usual } from './replicas.ts'
import { reservation } from './reservation-book-contract.ts'

const signal = new AbortController().signal

t.test('marks that one edit drops stay dropped for the next one of the same swap', async (t) => {
  const world = new GateWorld(usual())
  world.markedSince = -Infinity
  world.freshness.seenUpTo = () => '9'
  const ofGone = { ...reservation('dead/process/1'), name: 'gone', disks: 'any' as const, lastsMs: 65_000 }
  const contents = { reservations: [ofGone], marks: { BackingImage: '12' } }
  await world.book.swap(await world.book.read('n1', signal), contents, signal)
  await world.clock.advanceStepwise(65_001)
  world.before = async (trip) => {
    world.before = () => undefined
    await turns()
    throw new Error(`no answer to ${trip}`)
  }
  const first = world.decide(evictD1(world.cluster))
  const evictions = [
    world.decide(evictD1(world.cluster)),
    world.decide(world.cluster.toNode('n1', [disk('d1'), disk('d2', emptied)])),
  ]
  t.equal((await first).verdict.decision, 'unavailable', 'while it waits, the others gather')
  for (const { verdict } of await Promise.all(evictions)) t.equal(verdict.decision, 'allow')
  t.equal(world.trips.filter((trip) => trip === 'swap n1').length, 1)
  t.match([...world.book.entries()], [{ key: 'n1', marks: undefined }])
  t.ok(world.trips.includes('images'), 'an entry without marks proves nothing')
})
