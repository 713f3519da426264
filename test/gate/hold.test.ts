import t from 'tap'
import type { Attempt } from '../../src/gate/attempt.ts'
import { ChangeBus, objectChange } from '../../src/gate/change-bus.ts'
import { Holds } from '../../src/gate/hold.ts'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import type { Objection } from '../../src/gate/verdict.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { said } from '../fixtures/said.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const evicting = { evictionRequested: true }
const draining = [pending('d1'), ready('d3'), ready('d4')]
const drained = [ready('d3'), ready('d4')]

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', draining)

const objection: Objection = {
  rule: 'eviction-during-cleanup',
  effect: 'hold',
  subjects: [],
  ...said(),
}

const evictD2 = (of: TestCluster, by = {}) => of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)

/** A world in which an eviction waits, and its decision. */
async function holding(options: GateWorldOptions = {}, budgetMs = 10_000) {
  const world = new GateWorld(usual(), options)
  const client = new AbortController()
  const decision = world.decide(evictD2(world.cluster), budgetMs, client.signal)
  await eventually(() => world.gate.holding === 1)
  return { world, client, decision }
}

t.test('an eviction during a clean-up simply takes as long as the clean-up, and passes', async (t) => {
  const { world, decision } = await holding()
  world.clock.advance(3_000)
  world.cluster.image('ubuntu', drained)
  world.emit('BackingImage', 'ubuntu')
  t.equal((await decision).answer.allowed, true)
  t.equal(world.gate.holding, 0)
  t.match(world.record, [{ verdict: { decision: 'allow' }, timing: { totalMs: 3_000, heldMs: 3_000 } }])
  t.match(world.reservations, [{ intent: 'eviction' }])
  t.equal(world.clock.pending, 1, 'only the sweep is still to come')
})

t.test('an unrelated change does not wake it', async (t) => {
  const { world, decision } = await holding()
  world.cluster.image('ubuntu', drained)
  world.emit('BackingImage', 'debian')
  world.emit('Node', 'n2')
  await turns()
  t.equal(world.gate.holding, 1)
  world.emit('BackingImage', 'ubuntu')
  t.equal((await decision).answer.allowed, true)
})

t.test('a related change that does not clear the way lets it wait on', async (t) => {
  const { world, decision } = await holding()
  world.emit('BackingImage', 'ubuntu')
  world.emit('Node', 'n1')
  await turns()
  t.equal(world.gate.holding, 1)
  world.clock.advance(10_000)
  t.match(await decision, { verdict: { decision: 'hold' }, answer: { status: { code: 429 } } })
  t.match(world.record, [{ timing: { heldMs: 10_000 } }])
})

t.test('a change is held at most as long as configured, even if the client would wait', async (t) => {
  const { world, decision } = await holding({ maxHoldMs: 2_000 }, 25_000)
  world.clock.advance(1_999)
  await turns()
  t.equal(world.gate.holding, 1)
  world.clock.advance(1)
  t.equal((await decision).verdict.decision, 'hold')
})

t.test('the gate does not wait for a client that has gone', async (t) => {
  const { world, client, decision } = await holding()
  client.abort()
  t.equal((await decision).verdict.decision, 'hold')
  t.equal(world.gate.holding, 0)
  const gone = await world.decide(evictD2(world.cluster), 10_000, client.signal)
  t.equal(gone.verdict.decision, 'hold', 'nor one that has gone before')
})

t.test('a shutdown answers held requests, and no new ones are held', async (t) => {
  const { world, decision } = await holding()
  world.gate.stopHolding()
  t.match(await decision, { answer: { status: { code: 429 } } })
  t.match(await world.decide(evictD2(world.cluster), 10_000), { answer: { status: { code: 429 } } })
  await world.gate.stop()
  t.equal(world.clock.pending, 0)
  t.strictSame(world.reservations, [], 'nor does anything stay reserved')
})

t.test('beyond the limit of holds the next request is answered at once', async (t) => {
  const { world, decision } = await holding({ maxHolds: 1 })
  t.equal((await world.decide(evictD2(world.cluster), 10_000)).verdict.decision, 'hold')
  t.equal(world.gate.holding, 1)
  world.clock.advance(10_000)
  await decision
})

t.test('a caller with many holds gives up places to others, the latest first', async (t) => {
  const world = new GateWorld(usual(), { maxHolds: 3 })
  const ask = async (username: string, log: string[]) => {
    const by = { actor: { username, groups: [] } }
    const { verdict } = await world.decide(evictD2(world.cluster, by), 10_000)
    log.push(`${username}: ${verdict.decision} at ${world.clock.monotonic()}`)
  }
  const began = world.clock.monotonic()
  const log: string[] = []
  const all = [ask('ann', log), ask('ann', log)]
  await eventually(() => world.gate.holding === 2)
  world.clock.advance(1_000)
  all.push(ask('ann', log))
  await eventually(() => world.gate.holding === 3)
  world.clock.advance(1_000)
  all.push(ask('bob', log))
  await eventually(() => log.length === 1)
  t.strictSame(log, [`ann: hold at ${began + 2_000}`], 'one of hers is answered')
  t.equal(world.gate.holding, 3, 'and he is held')
  await ask('bob', log)
  await ask('ann', log)
  t.strictSame(
    log.slice(1),
    [`bob: hold at ${began + 2_000}`, `ann: hold at ${began + 2_000}`],
    'fair by now',
  )
  world.clock.advance(8_000)
  await eventually(() => log.length === 5)
  t.equal(world.gate.holding, 1, 'those that were held first have waited for their whole time')
  world.clock.advance(2_000)
  await Promise.all(all)
  t.equal(world.gate.holding, 0)
})

t.test('no request waits with a limit of zero', async (t) => {
  const world = new GateWorld(usual(), { maxHolds: 0 })
  t.equal((await world.decide(evictD2(world.cluster), 10_000)).verdict.decision, 'hold')
  t.equal(world.gate.holding, 0)
})

t.test('a change whose place is taken during its attempt is answered after the attempt', async (t) => {
  const changes = new ChangeBus()
  const holds = new Holds({ maxHoldMs: 10_000, maxHolds: 2 }, changes, new FakeClock())
  const signal = new AbortController().signal
  const held = (what: string): Attempt => ({
    verdict: { decision: 'hold', objections: [objection], warnings: [] },
    wakeOn: new Set([objectChange('Node', what)]),
    wakeAt: undefined,
  })
  const until = (caller: string, attempt: () => Promise<Attempt>) =>
    holds.retryUntil(attempt, { budgetMs: 10_000, signal }, { caller, mayWait: () => Promise.resolve(true) })
  void until('ann', () => Promise.resolve(held('n1')))
  let attempts = 0
  let answer: (attempt: Attempt) => void = () => undefined
  const latest = until('ann', () => {
    attempts += 1
    return attempts === 1 ? Promise.resolve(held('n2')) : new Promise((resolve) => (answer = resolve))
  })
  await eventually(() => holds.active === 2)
  changes.emit(objectChange('Node', 'n2'))
  await eventually(() => attempts === 2)
  void until('bob', () => Promise.resolve(held('n3')))
  await turns()
  t.equal(holds.active, 2)
  answer(held('n2'))
  t.equal((await latest).verdict.decision, 'hold')
  t.equal(attempts, 2)
  holds.stop()
})

t.test('Longhorn’s own account is never held', async (t) => {
  const world = new GateWorld(usual())
  const { answer } = await world.decide(evictD2(world.cluster, { actor: longhornAccount }), 10_000)
  t.match(answer, { allowed: false, status: { code: 403 } })
  const other = new GateWorld(usual().image('ubuntu', [ready('d1'), ...drained]), {
    book: new InProcessBook(),
  })
  await other.decide(evictD2(other.cluster))
  const cleanUp = other.cluster.cleanUp('ubuntu', ['d1'], { actor: longhornAccount })
  t.match(
    await other.decide(cleanUp, 10_000),
    { answer: { status: { code: 403 } } },
    'by a reservation neither',
  )
})

t.test('a refusal is not held', async (t) => {
  const world = new GateWorld(
    cluster('v1.8.0')
      .node('n1', [disk('d1')])
      .image('ubuntu', [ready('d1')]),
  )
  t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']), 10_000)).verdict.decision, 'refuse')
})

t.test('a change during an attempt to ask the cluster is not missed', async (t) => {
  const world = new GateWorld(usual().image('ubuntu', drained), { truth: usual() })
  world.before = (trip) => {
    if (trip !== 'images') return
    world.before = () => undefined
    // It is read as pending, and drained before the answer is there.
    world.after = () => {
      world.after = () => undefined
      world.truth = usual().image('ubuntu', drained)
      world.emit('BackingImage', 'ubuntu')
    }
  }
  t.equal((await world.decide(evictD2(world.cluster), 10_000)).verdict.decision, 'allow')
  t.match(world.record, [{ timing: { heldMs: 0 } }])
})

t.test('an eviction is held by a reservation until it is settled', async (t) => {
  const book = new InProcessBook()
  const calm = () => usual().image('ubuntu', [ready('d1'), ...drained])
  const other = new GateWorld(calm(), { book, replica: 'two' })
  await other.decide(other.cluster.cleanUp('ubuntu', ['d1']))
  const world = new GateWorld(calm(), { book })
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.gate.holding === 1)
  world.cluster.image('ubuntu', drained, { metadata: { resourceVersion: '2' } })
  world.emit('BackingImage', 'ubuntu')
  t.equal((await decision).verdict.decision, 'allow')
})

t.test('a reservation past its deadline holds nothing', async (t) => {
  const book = new InProcessBook()
  const calm = () => usual().image('ubuntu', [ready('d1'), ...drained])
  const other = new GateWorld(calm(), { book, replica: 'two' })
  await other.decide(other.cluster.cleanUp('ubuntu', ['d1']))
  const world = new GateWorld(calm(), { book, maxHoldMs: 100_000, sweepMs: 1_000_000 })
  const decision = world.decide(evictD2(world.cluster), 100_000)
  await eventually(() => world.gate.holding === 1)
  world.clock.advance(70_001)
  t.equal((await decision).verdict.decision, 'allow')
  t.match(world.record, [{ timing: { heldMs: 70_001 } }])
})

t.test('after the time of a decision, the cluster gets no more requests', async (t) => {
  const world = new GateWorld(usual().image('ubuntu', drained))
  world.before = (trip) => (trip === 'images' ? new Promise(() => undefined) : undefined)
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.trips.includes('images'))
  world.clock.advance(10_000)
  t.match(await decision, { verdict: { decision: 'unavailable', why: 'not-confirmed' } })
  t.strictSame(world.reservations, [])
})

t.test(
  'when nearly all images are pending it waits for the node or an image, since the CRD has to be put right',
  async (t) => {
    const of = cluster('v1.8.0').node('n1', [disk('d1')])
    for (let index = 0; index < 25; index++) of.image(`i${index}`, [pending('d1')])
    const world = new GateWorld(of)
    const decision = world.decide(of.toNode('n1', [disk('d1', evicting)]), 10_000)
    await eventually(() => world.gate.holding === 1)
    world.emit('BackingImage', 'i1')
    world.clock.advance(10_000)
    t.match(await decision, { answer: { status: { code: 429, message: /CRD [^]* looks out of date/ } } })
  },
)

t.test('a change that takes too much memory is not held, but decided', async (t) => {
  const world = new GateWorld(usual())
  const { signal } = new AbortController()
  const { verdict } = await world.gate.decide(evictD2(world.cluster), {
    budgetMs: 30_000,
    signal,
    mayHold: false,
  })
  t.equal(verdict.decision, 'hold')
  t.equal(world.record[0]?.timing.heldMs, 0)
})
