import t from 'tap'
import { objectChange } from '../../src/gate/change-bus.ts'
import { admin, cluster, longhornAccount } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

/** A cluster in which a clean-up on n1 has to wait for the end of an eviction, and an eviction of n2 for a clean-up. */
function dangerous() {
  return cluster('v1.8.0')
    .node('n1', [disk('d1')], { evictionRequested: true })
    .node('n2', [disk('d2'), disk('d4')])
    .node('n3', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d3')])
    .image('debian', [pending('d2'), ready('d3')])
}

const by = (actor = longhornAccount) => ({ actor })
const cleanUp = (of = dangerous(), actor = longhornAccount) => of.cleanUp('ubuntu', ['d1'], by(actor))

/** A gate that has just denied Longhorn's clean-up. */
async function denied() {
  const world = new GateWorld(dangerous())
  const first = await world.decide(cleanUp(world.cluster))
  return { world, first }
}

t.test('a denial that Longhorn’s account repeats is given again, and recorded again', async (t) => {
  const { world, first } = await denied()
  t.equal(first.verdict.decision, 'hold')
  const again = await world.gate.decideAtOnce(cleanUp(world.cluster))
  t.equal(again?.verdict, first.verdict)
  t.equal(again?.answer, first.answer)
  t.strictSame(
    world.record.map(({ timing: { isRepeated = false } }) => isRepeated),
    [false, true],
  )
})

t.test('a denial that is given again waits for its record, as the first did', async (t) => {
  const { world } = await denied()
  let recorded = (): void => undefined
  world.recording = new Promise((resolve) => (recorded = resolve))
  const again = world.gate.decideAtOnce(cleanUp(world.cluster))
  t.ok(again instanceof Promise)
  recorded()
  t.match(await again, { answer: { allowed: false } })
})

t.test('any change to the disk map or to a reservation makes the gate judge again', async (t) => {
  for (const changed of [objectChange('Node', 'n3'), objectChange('Setting', 'any'), 'entry/n3'] as const) {
    const { world } = await denied()
    world.changes.emit(changed)
    t.equal(world.gate.decideAtOnce(cleanUp(world.cluster)), undefined, changed)
  }
})

t.test('after a second the gate judges again', async (t) => {
  const { world } = await denied()
  world.clock.advance(999)
  t.ok(world.gate.decideAtOnce(cleanUp(world.cluster)))
  world.clock.advance(1)
  t.equal(world.gate.decideAtOnce(cleanUp(world.cluster)), undefined)
})

t.test('a change that differs in anything but its uid is judged for itself', async (t) => {
  const { world } = await denied()
  const same = cleanUp(world.cluster)
  const { decideAtOnce } = world.gate
  t.ok(decideAtOnce({ ...same, request: { ...same.request, uid: 'another' } }))
  if (same.operation !== 'UPDATE') throw new Error('this is no clean-up')
  const { before, after, request } = same
  const others = {
    'a dry run': { ...same, request: { ...request, dryRun: true } },
    'another user': { ...same, request: { ...request, actor: { ...longhornAccount, username: 'bob' } } },
    'other groups': { ...same, request: { ...request, actor: { ...longhornAccount, groups: ['one'] } } },
    'through another door': { ...same, request: { ...request, door: 'proxy-kubernetes' as const } },
    'of another version': {
      ...same,
      before: { ...before, metadata: { ...before.metadata, resourceVersion: '77' } },
    },
    'with an override': {
      ...same,
      after: { ...after, metadata: { ...after.metadata, override: 'because' } },
    },
    'of another copy': world.cluster.cleanUp('ubuntu', ['d3'], by()),
  }
  for (const [what, change] of Object.entries(others)) t.equal(decideAtOnce(change), undefined, what)
})

t.test('a request that may wait is never denied from memory', async (t) => {
  const world = new GateWorld(dangerous())
  const eviction = world.cluster.toNode(
    'n2',
    [disk('d2'), disk('d4', { evictionRequested: true })],
    {},
    by(admin),
  )
  t.equal((await world.decide(eviction)).verdict.decision, 'hold')
  t.equal(world.gate.decideAtOnce(eviction), undefined)
})

t.test('nothing is denied from memory before every object is read', async (t) => {
  const { world } = await denied()
  world.freshness.synced = false
  t.equal(world.gate.decideAtOnce(cleanUp(world.cluster)), undefined)
})

t.test('few denials are remembered, and none of a large object', async (t) => {
  const disks = Array.from({ length: 40 }, (_, index) => `d${index}`)
  const many = cluster('v1.8.0').node(
    'n1',
    disks.map((name) => disk(name)),
    { evictionRequested: true },
  )
  for (const name of disks) many.image(`of-${name}`, [ready(name), ready('elsewhere')])
  const world = new GateWorld(many)
  const cleanUps = disks.map((name) => many.cleanUp(`of-${name}`, [name], by()))
  for (const each of cleanUps) await world.decide(each)
  const remembered = cleanUps.filter((each) => world.gate.decideAtOnce(each) !== undefined)
  t.equal(remembered.length, 32)
  t.equal(remembered[0], cleanUps[8], 'the latest')

  const large = dangerous().image('large', [
    ready('d1'),
    ...Array.from({ length: 150 }, (_, index) => ready(`e${index}`)),
  ])
  const other = new GateWorld(large)
  const change = large.cleanUp('large', ['d1'], by())
  t.match(await other.decide(change), { answer: { allowed: false } })
  t.equal(other.gate.decideAtOnce(change), undefined)
})
