import t from 'tap'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const evicting = { evictionRequested: true }
const calm = [disk('d1'), disk('d2')]
const flagged = [disk('d1', evicting), disk('d2')]
const copies = [ready('d1'), ready('d3'), ready('d4')]

const usual = (disks = calm) =>
  cluster('v1.8.0')
    .node('n1', disks)
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', copies)

const evictD2 = (of: TestCluster) => of.toNode('n1', [disk('d1'), disk('d2', evicting)])

t.test(
  'a clean-up that a clear lets through is held for as long as Longhorn may not have noticed',
  async (t) => {
    const world = new GateWorld(usual(flagged))
    const decision = world.decide(world.cluster.cleanUp('ubuntu', ['d1']), 30_000)
    await eventually(() => world.gate.holding === 1)
    world.clock.advance(1_000)
    world.cluster.at(world.clock.now()).node('n1', calm)
    world.emit('Node', 'n1')
    await world.clock.advanceStepwise(9_999)
    t.equal(world.gate.holding, 1, 'the flag is down, and it waits on')
    await world.clock.advanceStepwise(1)
    t.equal((await decision).answer.allowed, true)
    t.match(world.record, [{ timing: { heldMs: 11_000 } }])
  },
)

t.test('Longhorn’s own account gets a retry answer instead', async (t) => {
  const world = new GateWorld(usual(flagged))
  world.cluster.at(world.clock.now()).node('n1', calm)
  const cleanUp = () => world.decide(world.cluster.cleanUp('ubuntu', ['d1'], { actor: longhornAccount }))
  t.match((await cleanUp()).answer, {
    allowed: false,
    status: { code: 403, message: /was cleared only 0s ago/ },
  })
  world.clock.advance(10_000)
  t.equal((await cleanUp()).answer.allowed, true)
})

t.test('a clear is never held, whatever has just ended', async (t) => {
  const world = new GateWorld(usual(flagged))
  world.cluster
    .at(world.clock.now())
    .image('ubuntu', [pending('d1'), ready('d3')])
    .image('ubuntu', [ready('d3')])
  const { answer } = await world.decide(world.cluster.toNode('n1', calm))
  t.equal(answer.allowed, true)
})

t.test('a change that the confirming read shows as ended has ended only now', async (t) => {
  const world = new GateWorld(usual(), { truth: usual().image('ubuntu', [ready('d3'), ready('d4')]) })
  const { answer } = await world.decide(evictD2(world.cluster))
  t.match(answer, { allowed: false, status: { code: 429, message: /the clean-up of .* ended only 0s ago/ } })
  t.strictSame(world.reservations, [], 'nothing stays reserved')
})

t.test('a flag that the confirming read shows to be down went down only now', async (t) => {
  const world = new GateWorld(usual(), { truth: usual() })
  world.truth.node('n1', calm, { metadata: { generation: 3, resourceVersion: '3' } })
  const { answer } = await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))
  t.match(answer, { allowed: false, status: { code: 429, message: /learnt only 0s ago how Node n1 is now/ } })
})

t.test('changes that the disk map remembers count in the confirming read too', async (t) => {
  const world = new GateWorld(usual(flagged), { truth: usual() })
  world.cluster.at(world.clock.now()).node('n1', calm)
  const held = await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))
  t.equal(held.answer.allowed, false)
  world.clock.advance(10_000)
  t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))).answer.allowed, true)
})

t.test('a watch that is quicker than the read is believed', async (t) => {
  const world = new GateWorld(usual())
  const newer = { metadata: { resourceVersion: '5', generation: 2 } }
  world.truth = usual().image('ubuntu', copies, { metadata: { resourceVersion: '4', generation: 1 } })
  world.cluster.image('ubuntu', copies, newer)
  t.equal((await world.decide(evictD2(world.cluster))).answer.allowed, true, 'nothing went backwards')
})

t.test('an image or a node that is gone when it is read may have ended anything', async (t) => {
  const world = new GateWorld(usual().image('debian', [ready('d3')]), { truth: usual() })
  t.match((await world.decide(evictD2(world.cluster))).answer, {
    allowed: false,
    status: { message: /how BackingImage debian is now/ },
  })
})

t.test('after an outage it waits for as long as that counts', async (t) => {
  const world = new GateWorld(usual(flagged))
  const { history } = world.cluster.map
  world.cluster.at(world.clock.now()).node('n1', calm)
  history.outageBegan(world.clock.now())
  const decision = world.decide(world.cluster.cleanUp('ubuntu', ['d1']), 300_000)
  await world.clock.advanceStepwise(5_000)
  history.outageEnded(world.clock.now())
  await world.clock.advanceStepwise(24_000)
  t.equal(world.gate.holding, 1)
  await world.clock.advanceStepwise(5_000)
  t.match((await decision).answer, { allowed: false }, 'the longest hold is over')
  world.clock.advance(61_000)
  t.equal((await world.decide(world.cluster.cleanUp('ubuntu', ['d1']))).answer.allowed, true)
})
