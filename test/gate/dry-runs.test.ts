import t from 'tap'
import { GateWorld } from './gate-world.ts'
import { evictD1, is, two, usual } from './replicas.ts'

t.test('a dry run meets what is reserved and reserves nothing', async (t) => {
  const [one, other] = two()
  const dry = { dryRun: true }
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], dry))
  t.strictSame(one.reservations, [])
  t.strictSame(one.trips, ['node n1', 'replicas of ubuntu'], 'it reads what a real one reads')
  await is(t, 'allow', one, evictD1(one.cluster))
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1'], dry))
  t.strictSame(other.trips, [])
})

t.test('a dry run reads a page that is not known', async (t) => {
  const world = new GateWorld(usual())
  world.forgetful = true
  await is(t, 'allow', world, world.cluster.cleanUp('ubuntu', ['d1'], { dryRun: true }))
  t.ok(world.trips.includes('read n1'), world.trips.join())
})

t.test('a dry run is answered as the real write where the book cannot be written', async (t) => {
  const world = new GateWorld(usual())
  world.doubt = 'The book is elsewhere.'
  const dry = world.cluster.cleanUp('ubuntu', ['d1'], { dryRun: true })
  t.match(await is(t, 'unavailable', world, dry), { why: 'reservations-unreachable' })
  t.match(world.problems, [
    { what: 'reservations-unreachable', error: { message: 'The book is elsewhere.' } },
  ])
  world.doubt = undefined
  await is(t, 'allow', world, dry)
})
