import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

const evicting = { evictionRequested: true }
const proxied = { door: 'proxy-longhorn' } as const

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [pending('d1'), ready('d3'), ready('d4')])
    .image('debian', [ready('d2'), ready('d3'), ready('d4')])

const evictD2 = (of: TestCluster, by = {}) => of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)
const cleanUpDebian = (of: TestCluster, by = {}) => of.cleanUp('debian', ['d2'], by)

/** A world whose map is enough for evictions. */
function worldOf(of: TestCluster, options: GateWorldOptions = {}): GateWorld {
  const world = new GateWorld(of, options)
  world.markedSince = -Infinity
  return world
}

/** The clean-up of ubuntu ends. */
function endCleanUp(world: GateWorld): void {
  world.cluster.image('ubuntu', [ready('d3'), ready('d4')])
  world.emit('BackingImage', 'ubuntu')
}

/** A world in which an eviction waits for a clean-up and has reserved, and its decision. */
async function waiting(options: GateWorldOptions = {}) {
  const world = worldOf(usual(), options)
  const client = new AbortController()
  const decision = world.decide(evictD2(world.cluster), 10_000, client.signal)
  await eventually(() => world.reservations.length === 1)
  return { world, client, decision }
}

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

for (const [how, end] of [
  ['its time is up', ({ clock }) => clock.advance(10_000)],
  ['its client has gone', (_, client) => client.abort()],
  ['the guard stops', ({ gate }) => gate.stopHolding()],
] as [string, (world: GateWorld, client: AbortController) => void][]) {
  t.test(`without an admission nothing stays reserved: ${how}`, async (t) => {
    const { world, client, decision } = await waiting()
    end(world, client)
    t.equal((await decision).verdict.decision, 'hold')
    await world.gate.stop()
    t.strictSame(world.reservations, [])
    t.strictSame(world.trips, ['swap n1', 'swap n1'])
    t.equal(world.clock.pending, 0)
  })
}

t.test('a denial after the wait takes the reservation back', async (t) => {
  const { world, decision } = await waiting()
  // Meanwhile the others are gone, and ubuntu has its last copy on the disk.
  world.cluster.image('debian', [copy('d2', 'in-progress')])
  endCleanUp(world)
  await turns()
  world.gate.stopHolding()
  t.not((await decision).verdict.decision, 'allow')
  await world.gate.stop()
  t.strictSame(world.reservations, [])
})

t.test('an answer does not wait until its reservation is taken back', async (t) => {
  const { world, decision } = await waiting()
  world.before = () => new Promise(() => undefined)
  world.clock.advance(10_000)
  t.equal((await decision).verdict.decision, 'hold')
  t.match(world.reservations, [{ intent: 'eviction' }])
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

t.test('what was reserved in part is taken back', async (t) => {
  const book = new InProcessBook()
  // This replica has not heard of d2, so it reserves the clean-up where disks are that no node has.
  const behind = cluster('v1.8.0').node('n2', [disk('d3'), disk('d4')])
  const other = worldOf(behind.image('debian', [ready('d2'), ready('d3'), ready('d4')]), {
    book,
    replica: 'two',
  })
  t.equal((await other.decide(cleanUpDebian(other.cluster))).answer.allowed, true)
  const world = worldOf(usual(), { book })
  const decision = world.decide(evictD2(world.cluster), 10_000)
  await turns()
  t.strictSame(world.trips, ['swap n1', 'swap n1'])
  t.match(world.reservations, [{ intent: 'removal' }])
  t.equal(world.reservations.length, 1)
  world.gate.stopHolding()
  await decision
})

t.test('a write that hangs ends with the wait', async (t) => {
  const { world, decision } = await (async () => {
    const world = worldOf(usual())
    world.before = () => new Promise(() => undefined)
    const decision = world.decide(evictD2(world.cluster), 10_000)
    await eventually(() => world.trips.length === 1)
    return { world, decision }
  })()
  world.gate.stopHolding()
  t.equal((await decision).verdict.decision, 'hold')
  world.before = () => undefined
  await world.gate.stop()
  t.equal(world.clock.pending, 0)
  t.strictSame(world.reservations, [])
})

t.test('two evictions of one node at two replicas that wait in vain leave nothing behind', async (t) => {
  for (const firstEnds of [true, false]) {
    const book = new InProcessBook()
    const [one, two] = ['one', 'two'].map((replica) => worldOf(usual(), { book, replica }))
    if (!one || !two) throw new Error('there are two')
    const first = one.decide(evictD2(one.cluster), 10_000)
    await eventually(() => one.reservations.length === 1)
    const second = two.decide(two.cluster.toNode('n1', [disk('d1', evicting), disk('d2')]), 10_000)
    await eventually(() => two.trips.length === 1)
    await turns()
    for (const [world, decision] of firstEnds
      ? ([
          [one, first],
          [two, second],
        ] as const)
      : ([
          [two, second],
          [one, first],
        ] as const)) {
      world.clock.advance(10_000)
      t.equal((await decision).verdict.decision, 'hold')
      await turns()
    }
    t.strictSame(one.reservations, [], firstEnds ? 'the first ends first' : 'the second ends first')
    await Promise.all([one.gate.stop(), two.gate.stop()])
  }
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
