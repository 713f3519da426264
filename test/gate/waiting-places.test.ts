import t from 'tap'
import type { Change } from '../../src/rules/change.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const evicting = { evictionRequested: true }

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [pending('d1'), ready('d3'), ready('d4')])

const evictD2 = (of: TestCluster, by = {}) => of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)

/** The eviction of a version of n1 that the disk map has not seen; reading it takes until `free` is called. */
function newer() {
  const n1 = (resourceVersion: string) =>
    usual().node('n1', [disk('d1'), disk('d2')], { metadata: { resourceVersion, uid: 'uid-n1' } })
  const world = new GateWorld(n1('5'), { truth: n1('6') })
  let free = (): void => undefined
  world.before = (trip) => (trip === 'Node n1' ? new Promise<void>((resolve) => (free = resolve)) : undefined)
  const decision = world.decide(evictD2(world.truth), 10_000)
  return { world, decision, free: () => free() }
}

t.test('the time that reading the object takes is part of the budget', async (t) => {
  const { world, decision, free } = newer()
  await turns()
  world.clock.advance(6_000)
  free()
  await eventually(() => world.gate.holding === 1)
  world.clock.advance(4_000)
  t.equal((await decision).verdict.decision, 'hold')
  t.match(world.record, [{ timing: { totalMs: 10_000, heldMs: 4_000 } }])
})

t.test('a change takes no place if reading its object takes until shutdown', async (t) => {
  const { world, decision, free } = newer()
  await turns()
  world.gate.stopHolding()
  free()
  t.equal((await decision).verdict.decision, 'hold')
  t.match(world.record, [{ timing: { heldMs: 0 } }])
})

t.test('a change that cannot wait takes no place of a waiting one', async (t) => {
  const world = new GateWorld(usual().image('debian', [ready('d2'), ready('d3'), ready('d4')]), {
    maxHolds: 2,
  })
  const { cluster: of, gate } = world
  // Nothing is pending on n2: its eviction is admitted, and clean-ups there have to wait.
  await world.decide(of.toNode('n2', [disk('d3'), disk('d4', evicting)]))
  let answered = 0
  const ask = () => world.decide(evictD2(of), 10_000).then(() => void (answered += 1))
  const held = [ask(), ask()]
  await eventually(() => gate.holding === 2)
  const cleanUp = (by: Partial<Change['request']>) => of.cleanUp('debian', ['d3'], by)
  const bob = { username: 'bob', groups: [] }
  const gone = AbortSignal.abort()
  const decisions = [
    await world.decide(cleanUp({ actor: longhornAccount }), 10_000),
    await world.decide(cleanUp({ actor: bob }), 0),
    await world.decide(evictD2(of, { actor: bob }), 10_000, gone),
  ]
  t.strictSame(new Set(decisions.map(({ verdict }) => verdict.decision)), new Set(['hold']))
  await turns()
  t.equal(answered, 0)
  t.equal(gate.holding, 2)
  gate.stopHolding()
  await Promise.all(held)
})
