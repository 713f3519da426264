import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const drained = [ready('d3'), ready('d4')]

/** A world in which an eviction waits for a clean-up. */
async function evicting() {
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [pending('d1'), ...drained])
  const world = new GateWorld(of)
  const ask = () =>
    world.decide(of.toNode('n1', [disk('d1'), disk('d2', { evictionRequested: true })]), 10_000)
  const decision = ask()
  await eventually(() => world.gate.holding === 1)
  return { world, ask, decision }
}

t.test('a request that is admitted after a wait gets a warning with the cause', async (t) => {
  const { world, decision } = await evicting()
  world.clock.advance(2_000)
  world.cluster.image('ubuntu', drained)
  world.emit('BackingImage', 'ubuntu')
  const { answer } = await decision
  t.match(answer.warnings, [
    /^evicting d2 of n1 waited 2s for this: backing image ubuntu is still being removed from d1 .*\(rule eviction-during-cleanup\)$/,
  ])
})

t.test(
  'a retry that is admitted at once gets that warning too, with the cause of the whole wait',
  async (t) => {
    const { world, ask, decision } = await evicting()
    world.clock.advance(10_000)
    await decision
    world.clock.advance(2_000)
    world.cluster.image('ubuntu', drained).image('debian', [pending('d1'), ...drained])
    const second = ask()
    await eventually(() => world.gate.holding === 1)
    world.clock.advance(10_000)
    await second
    world.cluster.image('debian', drained)
    world.clock.advance(1_000)
    const { answer } = await ask()
    t.match(answer.warnings, [
      /^evicting d2 of n1 waited 23s for this: backing image ubuntu is still being removed from d1 .*\(rule eviction-during-cleanup\)$/,
    ])
    t.strictSame((await ask()).answer.warnings, [], 'the next request has not waited')
  },
)

t.test('a short wait, and one that is denied, bring none', async (t) => {
  const short = await evicting()
  short.world.clock.advance(999)
  short.world.cluster.image('ubuntu', drained)
  short.world.emit('BackingImage', 'ubuntu')
  t.strictSame((await short.decision).answer, { allowed: true, warnings: [] })
  const denied = await evicting()
  denied.world.clock.advance(10_000)
  t.strictSame((await denied.decision).answer.warnings, [])
})
