import fc from 'fast-check'
import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import type { Outcome } from '../../src/gate/ports.ts'
import { verdictOn } from '../../src/gate/verdict.ts'
import type { LonghornObject } from '../../src/longhorn/kinds.ts'
import type { Change } from '../../src/rules/change.ts'
import { judge } from '../../src/rules/judge.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { anyCase, anyWorld, type World, type Write } from '../fixtures/any-world.ts'
import { cluster, moment, parsed, releases, request, type TestCluster } from '../fixtures/cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'
import { GateWorld } from './gate-world.ts'

const evicting = { evictionRequested: true }
const unsynced = { synced: false }

/** Asks for a change, and waits until it is held. */
async function holding(world: GateWorld, change: Change) {
  const decision = world.decide(change, 10_000)
  await eventually(() => world.gate.holding === 1)
  return { decision }
}

/**
 * Its result once the news has come. A change that is still held then is answered, so that the test does not
 * hang.
 */
async function outcome(world: GateWorld, decision: Promise<Outcome>) {
  await turns()
  world.gate.stopHolding()
  return await decision
}

/** Adds a new version of an object to the disk map, and announces it. */
function bring(world: GateWorld, object: LonghornObject): void {
  world.cluster.add(object)
  world.emit(object.kind, object.metadata.name)
}

t.test('an eviction of unsynced disks goes on once a node shows the disk of the clean-up', async (t) => {
  // The watch of nodes is behind that of images: for a moment no node has the disk.
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1', unsynced)])
    .node('n2', [disk('d2', unsynced)])
    .image('i1', [pending('d1')])
  const world = new GateWorld(of)
  const { decision } = await holding(world, of.toNode('n2', [disk('d2', { ...evicting, ...unsynced })]))
  of.node('n1', [disk('d1')])
  world.emit('Node', 'n1')
  t.equal((await outcome(world, decision)).answer.allowed, true)
})

t.test('a clean-up on a disk that no node has goes on once its own node shows it', async (t) => {
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1', unsynced)])
    .node('n2', [disk('d2', { ...evicting, ...unsynced })])
    .node('n3', [disk('d3')])
    .image('i1', [ready('d1'), ready('d3')])
  const world = new GateWorld(of)
  const { decision } = await holding(world, of.cleanUp('i1', ['d1']))
  of.node('n1', [disk('d1')])
  world.emit('Node', 'n1')
  t.equal((await outcome(world, decision)).answer.allowed, true)
})

t.test('an eviction of a copy that is not ready goes on once another copy stays', async (t) => {
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2', evicting)])
    .image('i1', [copy('d1', 'unknown'), copy('d2', 'unknown')])
  const world = new GateWorld(of)
  const { decision } = await holding(world, of.toNode('n1', [disk('d1', evicting)]))
  of.node('n2', [disk('d2')])
  world.emit('Node', 'n2')
  t.equal((await outcome(world, decision)).answer.allowed, true)
})

t.test(
  'a clean-up that waits for a reservation of unsynced disks continues once its node shows its disk',
  async (t) => {
    const book = new InProcessBook()
    const of = cluster('v1.8.0')
      .node('n1', [disk('d1', unsynced)])
      .node('n2', [disk('d2', unsynced)])
      .node('n3', [disk('d3')])
      .image('i1', [ready('d1'), ready('d3')])
    const other = new GateWorld(of, { book, replica: 'two' })
    await other.decide(of.toNode('n2', [disk('d2', { ...evicting, ...unsynced })]))
    const world = new GateWorld(of, { book })
    const { decision } = await holding(world, of.cleanUp('i1', ['d1']))
    of.node('n1', [disk('d1')])
    world.emit('Node', 'n1')
    t.equal((await outcome(world, decision)).answer.allowed, true)
  },
)

t.test('an eviction that one finding about most images holds goes on once their clean-ups end', async (t) => {
  const of = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
  const images = Array.from({ length: 12 }, (_, at) => `i${at}`)
  for (const image of images) of.image(image, [pending('d1'), ready('d3'), ready('d4')])
  const world = new GateWorld(of, { policy: { settleMs: 0 } })
  const { decision } = await holding(world, of.toNode('n1', [disk('d1'), disk('d2', evicting)]))
  for (const image of images) {
    of.image(image, [ready('d3'), ready('d4')])
    world.emit('BackingImage', image)
    await turns()
  }
  t.equal((await outcome(world, decision)).answer.allowed, true)
})

function clusterOf({ profile, nodes, images, sources, replicas }: World): TestCluster {
  const of = cluster(releases[profile])
  for (const node of nodes.values()) of.add(parsed('Node', node))
  for (const image of images.values()) of.add(parsed('BackingImage', image))
  for (const source of sources.values()) of.add(parsed('BackingImageDataSource', source))
  replicas.forEach(({ image, disk }, index) => of.replica(`r${index}`, image, disk))
  return of
}

function changeOf({ map }: TestCluster, { kind, after }: Write): Change | undefined {
  const { name } = after.metadata
  const asked = { operation: 'UPDATE', request: request() } as const
  if (kind === 'Node') {
    const before = map.node(name)
    return before && { ...asked, kind, before, after: parsed('Node', after) }
  }
  const before = map.image(name)
  return before && { ...asked, kind, before, after: parsed('BackingImage', after) }
}

/** Every object of a cluster. */
function objectsOf({ nodes, images, sources }: World): LonghornObject[] {
  return [
    ...[...nodes.values()].map((node) => parsed('Node', node)),
    ...[...images.values()].map((image) => parsed('BackingImage', image)),
    ...[...sources.values()].map((source) => parsed('BackingImageDataSource', source)),
  ]
}

t.test('every change that lets a held request pass wakes it', async (t) => {
  const seen = { held: 0, ended: 0 }
  await fc.assert(
    fc.asyncProperty(anyCase, anyWorld, fc.nat(), async ({ world: from, write }, other, pick) => {
      const of = clusterOf(from)
      const change = changeOf(of, write)
      const world = new GateWorld(of)
      const decides = (asked: Change) =>
        verdictOn(judge(asked, of.map, defaultPolicy, moment(world.clock.monotonic()))).decision
      const news = objectsOf(other)
      const object = news[pick % news.length]
      if (!change || !object || decides(change) !== 'hold') return
      seen.held += 1
      const { decision } = await holding(world, change)
      bring(world, object)
      await turns(5)
      // A hold wakes only for objects that its findings name, since following every image would cost too much. If another
      // object turns it into a refusal, the client learns it when the time is up: nothing is admitted either way.
      const ended = decides(change) === 'allow'
      if (ended) seen.ended += 1
      // Whether it is decided.
      const over = world.record.length > 0
      t.equal(over || !ended, true, `${object.kind} ${object.metadata.name}`)
      await world.gate.stop()
      await decision
    }),
    { numRuns: depth(200, 4_000) },
  )
  for (const [what, count] of Object.entries(seen)) t.ok(count > depth(0, 10), `${what}: ${count}`)
})
