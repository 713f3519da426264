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

t.test(
  'simultaneous changes on one entry share one swap, and those that come meanwhile the next',
  async (t) => {
    const world = new GateWorld(usual())
    let goOn = (): void => undefined
    const first = new Promise<void>((resolve) => (goOn = resolve))
    world.before = (trip) => (trip === 'swap n1' ? first : undefined)
    const decide = () => world.decide(evictD1(world.cluster))
    const swaps = () => world.trips.filter((trip) => trip === 'swap n1').length
    const early = Array.from({ length: 20 }, decide)
    await turns()
    world.before = () => undefined
    goOn()
    const together = await Promise.all(early)
    t.equal(swaps(), 1, 'the first does not go alone')

    let goOnAgain = (): void => undefined
    const second = new Promise<void>((resolve) => (goOnAgain = resolve))
    world.before = (trip) => (trip === 'swap n1' ? second : undefined)
    const one = decide()
    await turns()
    const late = Array.from({ length: 20 }, decide)
    await turns()
    goOnAgain()
    const decisions = [...together, await one, ...(await Promise.all(late))]
    t.ok(decisions.every(({ verdict }) => verdict.decision === 'allow'))
    t.equal(swaps(), 3)
    t.equal(world.reservations.length, 1, 'all are of one object and intent')
    t.equal(world.trips.filter((trip) => trip === 'read n1').length, 0)
  },
)
