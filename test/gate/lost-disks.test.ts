import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, ready, uuid, type RawCopy, type RawNotReady } from '../fixtures/raw-objects.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { GateWorld } from './gate-world.ts'
import { is } from './replicas.ts'

const hour = 60 * 60_000
const start = new FakeClock().now()
const soon = `before ${new Date(start + hour / 2).toISOString()}`
const gone: RawNotReady = { reason: 'KubernetesNodeGone' }
const downForAnHour: RawNotReady = {
  reason: 'ManagerPodMissing',
  since: new Date(start - hour).toISOString(),
}
/** To whom `below-min-copies` only warns. */
const byLonghorn = { actor: longhornAccount }
const usually = [copy('d1', 'unknown'), ready('d2')]

/** n1 is down and has one of the two copies; that on n2 is ready. */
const dead = (notReady = gone, copies: readonly RawCopy[] = usually, release = 'v1.9.2'): TestCluster =>
  cluster(release)
    .node('n1', [disk('d1')], { notReady })
    .node('n2', [disk('d2')])
    .image('golden', copies)

t.test('a removal of a lost disk’s copies is reserved, and judged again on stored objects', async (t) => {
  const world = new GateWorld(dead())
  await is(t, 'allow', world, world.cluster.deleteNode('n1', { actor: longhornAccount }))
  t.strictSame(world.trips, ['swap n1', 'swap n2', 'images', 'data sources', 'node n2'])
  t.match(world.reservations, [
    { kind: 'Node', name: 'n1', intent: 'eviction', disks: [uuid('d1')] },
    { kind: 'Node', name: 'n1', intent: 'keep', disks: [uuid('d2')] },
  ])
  const empty = new GateWorld(dead(gone, [copy('d1', 'failed'), ready('d2')]))
  await is(t, 'allow', empty, empty.cluster.deleteNode('n1'))
  t.strictSame(empty.trips, ['images', 'data sources'], 'no change counts on a failed copy')
})

t.test('a ready copy elsewhere that is gone by now keeps the node', async (t) => {
  const world = new GateWorld(dead(), { truth: dead(gone, [copy('d1', 'unknown')]) })
  t.match(await is(t, 'refuse', world, world.cluster.deleteNode('n1')), {
    objections: [{ rule: 'disk-removal-with-copies', subjects: [{ image: 'golden' }] }],
  })
  t.strictSame(world.reservations, [], 'nothing stays reserved')
  const silent = new GateWorld(dead(), {
    truth: dead().node('n2', [disk('d2')], { notReady: downForAnHour }),
  })
  silent.freshness.ageMs = () => 60_000
  await is(t, 'refuse', silent, silent.cluster.deleteNode('n1'))
  t.ok(silent.trips.includes('node n2'), 'a map that is old does not say whether the other node is up')
})

t.test('replicas whose clocks disagree never admit the removal of both copies, in any order', async (t) => {
  for (const release of ['v1.8.0', 'v1.8.1', 'v1.10.0']) {
    const pair = () => {
      const book = new InProcessBook()
      const right = new GateWorld(dead(downForAnHour, usually, release), { book })
      const slow = new GateWorld(dead(downForAnHour, usually, release), { book, replica: 'two' })
      slow.clock.step(-2 * hour)
      return [right, slow] as const
    }
    const [right, slow] = pair()
    await is(t, 'allow', right, right.cluster.deleteNode('n1'))
    await is(t, 'hold', slow, slow.cluster.cleanUp('golden', ['d2'], byLonghorn))
    const [later, sooner] = pair()
    await is(t, 'allow', sooner, sooner.cluster.cleanUp('golden', ['d2'], byLonghorn))
    await is(t, 'hold', later, later.cluster.deleteNode('n1'))
    const [alone] = pair()
    await is(t, 'refuse', alone, alone.cluster.cleanUp('golden', ['d2'], byLonghorn))
  }
})

t.test('a ready copy on a node that is down does not count either', async (t) => {
  const copies = [ready('d1'), ready('d2')]
  const justDown: RawNotReady = { reason: 'ManagerPodDown', since: new Date(start).toISOString() }
  const book = new InProcessBook()
  const one = new GateWorld(dead(justDown, copies, 'v1.10.0'), { book })
  await is(t, 'allow', one, one.cluster.cleanUp('golden', ['d2'], byLonghorn))
  const other = new GateWorld(dead(gone, copies, 'v1.10.0'), { book, replica: 'two' })
  await is(t, 'hold', other, other.cluster.deleteNode('n1'))
})

t.test('an override written on the node admits its deletion, and is on record', async (t) => {
  const annotated = (override: string) =>
    dead(gone, [copy('d1', 'unknown')]).node('n1', [disk('d1')], {
      notReady: gone,
      metadata: { generation: 4, annotations: { 'holdfast.dev/override': override } },
    })
  const world = new GateWorld(annotated(`delete uid-n1/4 ${soon}: the machine burnt down`))
  t.match(await is(t, 'allow', world, world.cluster.deleteNode('n1')), {
    override: { reason: 'the machine burnt down' },
    warnings: [{ rule: 'disk-removal-with-copies', effect: 'warn' }],
  })
  t.match(world.record, [{ verdict: { override: { reason: 'the machine burnt down' } } }])

  const stale = new GateWorld(annotated(`delete uid-n1/3 ${soon}: the machine burnt down`))
  const { answer, verdict } = await stale.decide(stale.cluster.deleteNode('n1'))
  t.equal(verdict.decision, 'refuse')
  t.match(answer.warnings, [
    /^the override was ignored: annotation holdfast\.dev\/override names another object/,
  ])

  const unused = new GateWorld(annotated(`delete uid-n1/4 ${soon}: the machine burnt down`))
  unused.clock.step(hour)
  const late = await unused.decide(unused.cluster.deleteNode('n1'))
  t.equal(late.verdict.decision, 'refuse', 'no write has used it in time')
  t.match(late.answer.warnings, [/^the override was ignored: .* names no time, or one that is over/])

  const except = { groups: undefined, except: new Set(['disk-removal-with-copies'] as const) }
  const strict = new GateWorld(annotated(`delete uid-n1/4 ${soon}: x`), { policy: { override: except } })
  await is(t, 'refuse', strict, strict.cluster.deleteNode('n1'))
})

t.test('a deletion by the namespace controller passes without I/O, and is recorded', async (t) => {
  const actor = { username: 'system:serviceaccount:kube-system:namespace-controller', groups: [] }
  const world = new GateWorld(dead(downForAnHour, [ready('d1')]))
  world.freshness.synced = false
  t.match(await is(t, 'allow', world, world.cluster.deleteNode('n1', { actor })), { mark: 'collected' })
  t.strictSame(world.trips, [])
  t.match(world.record, [{ verdict: { mark: 'collected' } }])
})

t.test('copies on a node that is being deleted do not count, even if it came back meanwhile', async (t) => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  for (const release of ['v1.8.0', 'v1.8.1', 'v1.10.0', 'v1.6.4']) {
    const going = () =>
      cluster(release)
        .node('n1', [disk('d1')], { metadata })
        .node('n2', [disk('d2')])
        .image('golden', [ready('d1'), ready('d2')])
    const cleaning = new GateWorld(going())
    t.match(await is(t, 'refuse', cleaning, cleaning.cluster.cleanUp('golden', ['d2'], byLonghorn)), {
      objections: [{ rule: 'last-usable-copy' }],
    })
    if (release === 'v1.6.4') continue
    const deleting = new GateWorld(
      going()
        .node('n2', [disk('d2')], { notReady: gone })
        .image('golden', [ready('d1'), copy('d2', 'unknown')]),
    )
    t.match(await is(t, 'refuse', deleting, deleting.cluster.deleteNode('n2')), {
      objections: [{ rule: 'disk-removal-with-copies' }],
    })
    const evicting = new GateWorld(going().image('golden', [ready('d1'), copy('d2', 'unknown')]))
    const eviction = evicting.cluster.toNode('n2', [disk('d2', { evictionRequested: true })])
    t.match(await is(t, 'hold', evicting, eviction), { objections: [{ rule: 'evict-unready-copy' }] })
  }
})

t.test('a deletion that counts on a copy which is being evicted is held for its own rule', async (t) => {
  const book = new InProcessBook()
  const one = new GateWorld(dead(), { book })
  await is(t, 'allow', one, one.cluster.toNode('n2', [disk('d2', { evictionRequested: true })]))
  const other = new GateWorld(dead(), { book, replica: 'two' })
  t.match(await is(t, 'hold', other, other.cluster.deleteNode('n1')), {
    objections: [{ rule: 'disk-removal-with-copies' }],
  })
})
