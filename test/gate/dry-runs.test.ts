import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, evictD1, is, two, usual } from './replicas.ts'

t.test('a dry run meets reservations and makes none', async (t) => {
  const [one, other] = two()
  const dry = { dryRun: true }
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], dry))
  t.strictSame(one.reservations, [])
  t.strictSame(one.trips, ['node n1', 'replicas of ubuntu'], 'it reads what a real one reads')
  await is(t, 'allow', one, evictD1(one.cluster))
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1'], dry))
  t.strictSame(other.trips, [])
})

t.test('a dry run of an eviction uses the disk map, and asks no server', async (t) => {
  const world = new GateWorld(usual())
  world.markedSince = -Infinity
  const change = world.cluster.toNode('n1', [disk('d1', emptied), disk('d2')], {}, { dryRun: true })
  await is(t, 'allow', world, change)
  t.strictSame(world.trips, [])
})

t.test('a dry run that would wait is answered at once, and takes no place of those that do', async (t) => {
  const draining = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .image('ubuntu', [pending('d1'), ready('d2')])
  const world = new GateWorld(draining, { maxHolds: 1 })
  const evict = (by: object) => draining.toNode('n1', [disk('d1'), disk('d2', emptied)], {}, by)
  const { verdict, answer } = await world.decide(evict({ dryRun: true }), 30_000)
  t.equal(verdict.decision, 'hold')
  t.match(answer, {
    allowed: false,
    status: { code: 429, message: /^dry run: evicting d2 of n1 has to wait: / },
  })
  t.notOk(
    'status' in answer && 'retryAfterSeconds' in answer.status.details,
    'kubectl would ask ten times more',
  )
  t.match(world.record, [{ timing: { heldMs: 0 } }])
  t.strictSame([world.gate.holding, world.trips], [0, []])
  const real = world.decide(evict({}), 30_000)
  await eventually(() => world.gate.holding === 1)
  await world.decide(evict({ dryRun: true }), 30_000)
  t.equal(world.gate.holding, 1, 'the one that waits keeps its place')
  world.gate.stopHolding()
  t.match(await real, {
    answer: { status: { message: /^evicting d2 of n1 has to wait/, details: { retryAfterSeconds: 2 } } },
  })
})

t.test('a dry run that cannot be judged is answered at once', async (t) => {
  const world = new GateWorld(usual())
  world.freshness.synced = false
  for (const [dryRun, retry] of [
    [true, undefined],
    [false, 2],
  ] as const) {
    const { answer } = await world.decide(world.cluster.cleanUp('ubuntu', ['d1'], { dryRun }))
    t.match(answer, { allowed: false, status: { code: 503 } })
    t.equal('status' in answer ? answer.status.details.retryAfterSeconds : 0, retry)
  }
})

t.test('an account that must not wait is refused at once', async (t) => {
  const draining = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .image('ubuntu', [pending('d1'), ready('d2')])
  const world = new GateWorld(draining, { policy: { impatient: ['robots'] } })
  const by = { actor: { username: 'controller', groups: ['robots'] } }
  const { answer } = await world.decide(
    draining.toNode('n1', [disk('d1'), disk('d2', emptied)], {}, by),
    30_000,
  )
  t.match(answer, { allowed: false, status: { code: 403, message: /^evicting d2 of n1 has to wait/ } })
  world.freshness.synced = false
  const unjudged = await world.decide(draining.cleanUp('ubuntu', ['d2'], by), 30_000)
  t.match(unjudged.answer, { status: { code: 503 } })
  t.notMatch(unjudged.answer, { status: { details: { retryAfterSeconds: 2 } } })
})

t.test('a dry run reads an entry that is not known', async (t) => {
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
