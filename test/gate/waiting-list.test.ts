import t from 'tap'
import type { HeldChange } from '../../src/gate/held-change.ts'
import type { HoldListener } from '../../src/gate/ports.ts'
import type { Change } from '../../src/rules/change.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const evicting = { evictionRequested: true }
const drained = [ready('d3'), ready('d4')]

/** When the clock of a test world begins. */
const start = Date.parse('2026-11-23T12:00:00Z')

const nodes = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])

const draining = () => nodes().image('ubuntu', [pending('d1'), ...drained])

const evictD2 = (of: TestCluster, by = {}) => of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)

/** A world in which an eviction waits, and the news of holds. */
async function holding(
  of = draining(),
  { holdListeners = [], ...options }: GateWorldOptions = {},
  change: (of: TestCluster) => Change = evictD2,
) {
  const announced: HeldChange[] = []
  const events: string[] = []
  const note = (what: string, held: HeldChange): void => {
    events.push(what)
    announced.push(held)
  }
  const listener: HoldListener = {
    began: (held) => note('began', held),
    ended: (held, how) => note(how, held),
  }
  const world = new GateWorld(of, { ...options, holdListeners: [...holdListeners, listener] })
  const client = new AbortController()
  const ask = () => world.decide(change(of), 10_000, client.signal)
  const decision = ask()
  await eventually(() => world.gate.holding === 1)
  return { world, client, ask, decision, events, announced }
}

t.test('a held change has its user, its object, its causes, and the end of its wait', async (t) => {
  const of = nodes()
    .at(start)
    .image('ubuntu', [pending('d1'), ...drained])
  const { world, decision } = await holding(of)
  world.clock.advance(3_000)
  t.strictSame(world.gate.holds(), [
    {
      id: 1,
      request: { uid: 'request-1', user: 'ann', door: 'webhook' },
      operation: 'UPDATE',
      object: { kind: 'Node', name: 'n1', uid: 'uid-n1' },
      doing: 'evicting d2 of n1',
      since: start,
      isRetry: false,
      until: start + 10_000,
      causes: [
        {
          rule: 'eviction-during-cleanup',
          found: 'backing image ubuntu is still being removed from d1 (for 3s)',
          subject: { node: 'n1', disk: 'd1', diskUUID: 'uuid-d1', image: 'ubuntu' },
          since: start,
        },
      ],
      moreCauses: 0,
      nodes: ['n1'],
    },
  ])
  world.clock.advance(7_000)
  await decision
  t.strictSame(world.gate.holds(), [])
})

t.test('listeners get the beginning of a wait, and the admission that ends it', async (t) => {
  const { world, decision, events, announced } = await holding()
  world.emit('BackingImage', 'ubuntu')
  await turns()
  t.strictSame(events, ['began'], 'a wake-up after which it waits on begins no new wait')
  world.clock.advance(2_000)
  world.cluster.image('ubuntu', drained)
  world.emit('BackingImage', 'ubuntu')
  await decision
  t.strictSame(events, ['began', 'admitted'])
  t.match(announced, [
    { id: 1, doing: 'evicting d2 of n1' },
    { id: 1, since: start },
  ])
})

t.test('listeners get the end of a wait: a denial, a retry, a failure, or a client that left', async (t) => {
  const left = await holding()
  left.client.abort()
  await left.decision
  t.strictSame(left.events, ['began', 'left'])

  const leftWhileAsked = await holding()
  let isAsked = false
  leftWhileAsked.world.before = () => {
    if (isAsked) return
    isAsked = true
    return new Promise(() => undefined)
  }
  leftWhileAsked.world.cluster.image('ubuntu', drained)
  leftWhileAsked.world.emit('BackingImage', 'ubuntu')
  await eventually(() => isAsked)
  leftWhileAsked.client.abort()
  await leftWhileAsked.decision
  t.strictSame(leftWhileAsked.events, ['began', 'left'])

  const retried = await holding()
  retried.world.clock.advance(10_000)
  await retried.decision
  t.strictSame(retried.events, ['began', 'told to retry'])

  const unjudged = await holding()
  unjudged.world.cluster.image('ubuntu', drained)
  unjudged.world.freshness.unreadable = [{ kind: 'Node', name: 'n9', problem: 'odd' }]
  unjudged.world.emit('BackingImage', 'ubuntu')
  await unjudged.decision
  t.strictSame(unjudged.events, ['began', 'not judged'])

  const flagged = nodes().node('n2', [disk('d3', evicting), disk('d4')])
  flagged.image('ubuntu', drained)
  const denied = await holding(flagged, {}, (of) => of.cleanUp('ubuntu', ['d3']))
  flagged.node('n2', [disk('d3'), disk('d4')]).replica('r1', 'ubuntu', 'd3', 'n2')
  denied.world.emit('Node', 'n2')
  t.equal((await denied.decision).verdict.decision, 'refuse')
  t.strictSame(denied.events, ['began', 'denied'])
})

t.test('a change whose decision fails stops waiting', async (t) => {
  const { world, decision, events } = await holding()
  world.cluster.image('ubuntu', drained)
  world.freshness.ageMs = () => {
    throw new Error('a mistake')
  }
  world.emit('BackingImage', 'ubuntu')
  await t.rejects(decision, { message: 'a mistake' })
  t.strictSame(events, ['began', 'not judged'])
  t.strictSame(world.gate.holds(), [])
})

t.test(
  'a request that is retried in time keeps the start of its wait, and a late retry gets a new one',
  async (t) => {
    const { world, ask, decision, announced } = await holding()
    world.clock.advance(10_000)
    await decision
    world.clock.advance(2_000)
    const second = ask()
    await eventually(() => world.gate.holding === 1)
    t.match(world.gate.holds(), [{ id: 2, since: start, isRetry: true, until: start + 22_000 }])
    world.clock.advance(10_000)
    await second
    world.clock.advance(13_000)
    const third = ask()
    await eventually(() => world.gate.holding === 1)
    t.match(world.gate.holds(), [{ id: 3, since: start + 35_000, isRetry: false }])
    t.equal(announced.length, 5)
    world.gate.stopHolding()
    await third
  },
)

t.test('another user, or another change, does not continue the wait of a retry', async (t) => {
  const { world, decision } = await holding()
  world.clock.advance(10_000)
  await decision
  const bob = world.decide(evictD2(world.cluster, { actor: { username: 'bob', groups: [] } }), 10_000)
  const whole = world.decide(
    world.cluster.toNode('n1', [disk('d1'), disk('d2')], { evictionRequested: true }),
    10_000,
  )
  await eventually(() => world.gate.holding === 2)
  t.match(world.gate.holds(), [{ isRetry: false }, { isRetry: false }])
  world.gate.stopHolding()
  await Promise.all([bob, whole])
})

t.test('the list remembers at most as many retries as requests may wait', async (t) => {
  const { world, ask, decision } = await holding(draining(), { maxHolds: 1 })
  world.clock.advance(10_000)
  await decision
  const bob = world.decide(evictD2(world.cluster, { actor: { username: 'bob', groups: [] } }), 1_000)
  await eventually(() => world.gate.holding === 1)
  world.clock.advance(1_000)
  await bob
  const again = ask()
  await eventually(() => world.gate.holding === 1)
  t.match(world.gate.holds(), [{ isRetry: false }])
  world.gate.stopHolding()
  await again
})

t.test('a listener that throws decides nothing', async (t) => {
  const fail = () => {
    throw new Error('no room')
  }
  const broken: HoldListener = { began: fail, ended: fail }
  const { world, decision, events } = await holding(draining(), { holdListeners: [broken] })
  t.match(world.problems, [{ what: 'not-told', error: { message: 'no room' } }])
  world.cluster.image('ubuntu', drained)
  world.emit('BackingImage', 'ubuntu')
  t.equal((await decision).answer.allowed, true)
  t.equal(world.problems.length, 2)
  t.strictSame(events, ['began', 'admitted'], 'the other listeners still get it')
})

t.test('no more are listed than may be held, the longest first', async (t) => {
  const { world, decision } = await holding(draining(), { maxHolds: 2 })
  const by = (username: string) => ({ actor: { username, groups: [] } })
  world.clock.advance(1_000)
  const others = ['bob', 'eve'].map((name) => world.decide(evictD2(world.cluster, by(name)), 10_000))
  await eventually(() => world.gate.holding === 2)
  await turns()
  t.strictSame(
    world.gate.holds().map(({ request }) => request.user),
    ['ann', 'bob'],
  )
  world.gate.stopHolding()
  await Promise.all([decision, ...others])
})

t.test(
  'a held change lists a few of many causes, and its texts are one line of bounded length',
  async (t) => {
    const of = nodes()
    for (let image = 0; image < 4; image += 1) of.image(`ready-${image}`, drained)
    for (let image = 0; image < 30; image += 1) of.image(`image-${image}`, [ready('d1'), ...drained])
    const odd = 'd\u001b[2J\n'.repeat(200)
    of.node('n1', [disk('d1'), disk(odd)]).image('image-1', [pending('d1'), ...drained])
    for (let image = 2; image < 13; image += 1) of.image(`image-${image}`, [pending('d1'), ...drained])
    const world = new GateWorld(of)
    const user = 'u\n'.repeat(2_000)
    const change = of.toNode(
      'n1',
      [disk('d1'), disk(odd, evicting)],
      {},
      { actor: { username: user, groups: [] } },
    )
    const decision = world.decide(change, 10_000)
    await eventually(() => world.gate.holding === 1)
    const [held] = world.gate.holds()
    t.equal(held?.causes.length, 5)
    t.equal(held?.moreCauses, 7)
    t.notMatch(JSON.stringify(held), /\\n|\\u001b/)
    t.ok(JSON.stringify(held).length < 4_000)
    world.gate.stopHolding()
    await decision
  },
)

t.test('a change that waits for a copy to be ready has the progress of that copy', async (t) => {
  const of = nodes().image('ubuntu', [
    copy('d2', 'in-progress', { progress: 43 }),
    copy('d3', 'in-progress', { progress: 7 }),
    copy('d4', 'failed', { progress: 90 }),
  ])
  const { world, decision } = await holding(of)
  t.match(world.gate.holds(), [{ causes: [{ rule: 'evict-unready-copy', progress: 43 }] }])
  world.gate.stopHolding()
  await decision
})

t.test('a hold is judged once for all who hear of it', async (t) => {
  const heard: HeldChange[] = []
  const other: HoldListener = { began: (held) => heard.push(held), ended: (held) => heard.push(held) }
  const { world, client, decision, announced } = await holding(draining(), { holdListeners: [other] })
  client.abort()
  await decision
  t.equal(heard.length, 2)
  for (const [at, held] of announced.entries()) t.equal(heard[at], held)
  await world.gate.stop()
})
