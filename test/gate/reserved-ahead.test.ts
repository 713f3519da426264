import t from 'tap'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { cleanUpDebian, endCleanUp, evictD2, evicting, usual, waiting, worldOf } from './waiting-eviction.ts'

const proxied = { door: 'proxy-longhorn' } as const

t.test('an eviction that waits for a clean-up reserves, and its answer costs nothing more', async (t) => {
  const { world, decision } = await waiting()
  t.match(world.reservations, [{ kind: 'Node', name: 'n1', intent: 'eviction', disks: 'any' }])
  t.strictSame(world.trips, ['swap n1'])
  endCleanUp(world)
  t.equal((await decision).answer.allowed, true)
  t.strictSame(world.trips, ['swap n1'])
  t.match(world.reservations, [{ intent: 'eviction' }], 'it stays until its write is seen')
})

t.test('it reserves once, however often the wait goes on', async (t) => {
  const { world, decision } = await waiting()
  for (let times = 0; times < 3; times += 1) {
    world.emit('BackingImage', 'ubuntu')
    await turns()
  }
  t.strictSame(world.trips, ['swap n1'])
  endCleanUp(world)
  t.equal((await decision).answer.allowed, true)
})

t.test('a clean-up on the same node that comes later waits for it', async (t) => {
  const { world, decision } = await waiting()
  t.match(await world.decide(cleanUpDebian(world.cluster)), {
    verdict: { decision: 'hold', objections: [{ rule: 'cleanup-during-eviction' }] },
  })
  const held = world.decide(cleanUpDebian(world.cluster), 10_000)
  await eventually(() => world.gate.holding === 2)
  world.clock.advance(9_999)
  await turns()
  t.equal(world.gate.holding, 2)
  world.clock.advance(1)
  t.equal((await decision).verdict.decision, 'hold', 'it has waited in vain')
  await world.gate.stop()
  await held
  t.match(await world.decide(cleanUpDebian(world.cluster)), { answer: { allowed: true } })
})

t.test(
  'a clean-up that ends while the reservation is being written waits for that write alone',
  async (t) => {
    const world = worldOf(usual())
    let write = (): void => undefined
    world.before = () => new Promise((resolve) => (write = resolve))
    const decision = world.decide(evictD2(world.cluster), 10_000)
    await eventually(() => world.trips.length === 1)
    endCleanUp(world)
    await turns()
    t.equal(world.gate.holding, 1)
    write()
    t.equal((await decision).answer.allowed, true)
    t.strictSame(world.trips, ['swap n1'])
  },
)

t.test('where it cannot reserve ahead it reserves after the wait, and only then says so', async (t) => {
  const world = worldOf(usual())
  world.before = () => {
    throw new Error('no route to host')
  }
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.gate.holding === 1 && world.trips.length > 0)
  await turns()
  t.equal(world.problems.filter(({ what }) => what === 'reservations-unreachable').length, 0)
  world.before = () => undefined
  endCleanUp(world)
  t.equal((await decision).answer.allowed, true)
  t.match(world.reservations, [{ intent: 'eviction' }])
})

t.test('while a clean-up is reserved it reserves nothing, and once that is over it does', async (t) => {
  const world = worldOf(usual())
  t.equal((await world.decide(cleanUpDebian(world.cluster))).answer.allowed, true)
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.gate.holding === 1)
  await turns()
  t.match(world.reservations, [{ intent: 'removal' }])
  // Its write is stored: it is pending on d2 now.
  world.cluster.image('debian', [pending('d2'), ready('d3'), ready('d4')], {
    metadata: { resourceVersion: '2' },
  })
  world.emit('BackingImage', 'debian')
  world.emit('BackingImage', 'ubuntu')
  await eventually(() => world.reservations.some(({ intent }) => intent === 'eviction'))
  world.cluster.image('debian', [ready('d3'), ready('d4')])
  endCleanUp(world)
  t.equal((await decision).answer.allowed, true)
})

/** The eviction of d2 counts on its copy on d3. */
const withFedora = (of: TestCluster) => of.image('fedora', [copy('d2', 'in-progress'), ready('d3')])

t.test('what the map has learnt of meanwhile is reserved after the wait', async (t) => {
  const { world, decision } = await waiting()
  withFedora(world.cluster)
  endCleanUp(world)
  t.equal((await decision).answer.allowed, true)
  t.strictSame(world.trips, ['swap n1', 'swap n2'])
})

t.test('it reserves nothing on other nodes while it waits: evictions there go on', async (t) => {
  const world = worldOf(withFedora(usual()))
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await eventually(() => world.gate.holding === 1)
  await turns()
  t.strictSame(world.trips, [])
  const elsewhere = world.cluster.toNode('n2', [disk('d3', evicting), disk('d4')])
  t.equal((await world.decide(elsewhere)).answer.allowed, true)
  world.gate.stopHolding()
  await decision
})

t.test(
  'it reserves nothing for a disk that may be any, which looks at the Leases of dead nodes',
  async (t) => {
    const unsynced = { synced: false }
    const world = worldOf(usual())
    const joining = [disk('d1'), disk('d2'), disk('d9', { ...evicting, ...unsynced })]
    const decision = world.decide(world.cluster.toNode('n1', joining), 10_000)
    await eventually(() => world.gate.holding === 1)
    await turns()
    t.strictSame(world.trips, [])
    world.gate.stopHolding()
    await decision
  },
)

t.test('one that waits for another reservation does not try to reserve beside it', async (t) => {
  const of = usual().image('ubuntu', [ready('d3'), ready('d4')])
  const world = worldOf(of)
  t.equal((await world.decide(cleanUpDebian(of))).answer.allowed, true)
  world.trips.length = 0
  const decision = world.decide(evictD2(of), 10_000)
  await eventually(() => world.gate.holding === 1)
  await turns()
  t.strictSame(world.trips, [])
  t.match(world.reservations, [{ intent: 'removal' }])
  world.gate.stopHolding()
  await decision
})

t.test(
  'what is confirmed is as new as the reservation: it waits for a map that is behind its marks',
  async (t) => {
    const { world, decision } = await waiting()
    // The watch has not brought the Lease as it was before the reservation.
    world.markedSince = undefined
    endCleanUp(world)
    await turns()
    world.clock.advance(500)
    t.equal((await decision).answer.allowed, true)
    t.ok(world.trips.includes('images'), 'at last it reads')
  },
)

t.test('a request that is not held reserves nothing while it has to wait', async (t) => {
  for (const [what, by] of [
    ['a dry run', { dryRun: true }],
    ['a write through a proxy', proxied],
    ["Longhorn's own account", { actor: longhornAccount }],
  ] as const) {
    const world = worldOf(usual())
    const decision = world.decide(evictD2(world.cluster, by), 10_000)
    await turns()
    t.strictSame(world.trips, [], what)
    world.gate.stopHolding()
    t.equal((await decision).verdict.decision, 'hold')
  }
})

t.test('a clean-up that waits for an eviction reserves nothing', async (t) => {
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1', evicting), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('debian', [ready('d2'), ready('d3'), ready('d4')])
  const world = worldOf(of)
  const decision = world.decide(cleanUpDebian(of), 10_000)
  await eventually(() => world.gate.holding === 1)
  await turns()
  t.strictSame(world.reservations, [])
  world.gate.stopHolding()
  await decision
})

t.test('an eviction that something else keeps waiting too reserves nothing', async (t) => {
  const of = usual().image('fedora', [copy('d2', 'in-progress')])
  const world = worldOf(of)
  const decision = world.decide(evictD2(of), 10_000)
  await eventually(() => world.gate.holding === 1)
  await turns()
  t.strictSame(world.reservations, [])
  world.gate.stopHolding()
  await decision
})
