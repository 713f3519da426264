import t from 'tap'
import { mostCreations } from '../../src/gate/own-map.ts'
import type { Change, NodeChange } from '../../src/rules/change.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const evicting = { evictionRequested: true }

/** n1 in this version; no clean-up is pending on it. */
const usual = (resourceVersion = '5', uid = 'uid-n1') =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')], { metadata: { resourceVersion, uid } })
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d3'), ready('d4')])

/** An eviction of n1, reviewed on this version of it. */
function evict(resourceVersion: string, uid = 'uid-n1', by: Parameters<typeof ask>[1] = {}): NodeChange {
  return ask(usual(resourceVersion, uid), by)
}

function ask(of: ReturnType<typeof usual>, by: Partial<Change['request']>): NodeChange {
  return of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)
}

/** A clean-up of debian on d1, under a uid that the API server never gave. */
function forgedCleanUp(of: TestCluster, by: Partial<Change['request']> = {}): Change {
  const change = of.cleanUp('debian', ['d1'], by)
  if (change.operation !== 'UPDATE') throw new Error('a clean-up is an update')
  const { before } = change
  return { ...change, before: { ...before, metadata: { ...before.metadata, uid: 'x' } } }
}

const read = 'Node n1'

t.test('a review of a version that does not exist reserves nothing', async (t) => {
  const world = new GateWorld(usual())
  const { verdict, answer } = await world.decide(evict('999999999999'))
  t.match(verdict, { decision: 'unavailable', why: 'object-not-known' })
  t.match(answer, { status: { code: 503, message: /the API server does not have this object/ } })
  t.strictSame(world.reservations, [])
  t.strictSame(world.trips, [read], 'one read, and no write')
})

t.test('a review of an object that is not stored, or under another uid, reserves nothing', async (t) => {
  const invented = cluster().node('n9', [disk('d9')])
  const world = new GateWorld(usual())
  for (const change of [evict('5', 'another uid'), invented.toNode('n9', [disk('d9', evicting)])])
    t.match((await world.decide(change)).verdict, { why: 'object-not-known' })
  t.strictSame(world.reservations, [])
  t.strictSame(world.trips, [read, 'Node n9'])
})

t.test('a review of a version that the disk map shows, or showed before, needs no read', async (t) => {
  for (const version of ['5', '4']) {
    const world = new GateWorld(usual())
    t.equal((await world.decide(evict(version))).verdict.decision, 'allow')
    t.notOk(world.trips.includes(read), `version ${version}`)
  }
})

t.test('a review of a newer version than the disk map shows counts once it is read', async (t) => {
  const world = new GateWorld(usual('5'), { truth: usual('6') })
  t.equal((await world.decide(evict('6'))).verdict.decision, 'allow')
  t.equal(world.trips[0], read)
  t.match(world.reservations, [{ kind: 'Node', name: 'n1', resourceVersion: '6' }])
})

t.test('a version that is no number is believed if it is the stored one', async (t) => {
  const world = new GateWorld(usual('a'))
  t.equal((await world.decide(evict('a'))).verdict.decision, 'allow')
  t.match((await world.decide(evict('b'))).verdict, { why: 'object-not-known' })
})

t.test('a change of an unreadable object is denied', async (t) => {
  const world = new GateWorld(usual())
  world.before = (trip) => {
    if (trip === read) throw new Error('no route')
  }
  t.match((await world.decide(evict('6'))).verdict, { why: 'not-confirmed' })
  t.match(world.problems, [{ what: 'not-confirmed', error: { message: 'no route' } }])
})

t.test('a review of an unknown object is not held: it is answered at once', async (t) => {
  const world = new GateWorld(usual().image('old', [pending('d1')]))
  const { verdict } = await world.decide(evict('999999999999'), 30_000)
  t.equal(verdict.decision, 'hold')
  t.equal(world.gate.holding, 0)
  t.equal(world.record[0]?.timing.heldMs, 0)
})

t.test('a proxy has read the object itself', async (t) => {
  const world = new GateWorld(usual())
  const { verdict } = await world.decide(evict('9', 'uid-n1', { door: 'proxy-kubernetes' }))
  t.equal(verdict.decision, 'allow')
  t.notOk(world.trips.includes(read))
})

t.test(
  'a change of an object that the API server does not have costs one read, as a dry run too',
  async (t) => {
    const whole = usual().image('debian', [ready('d1'), ready('d3'), ready('d4')])
    for (const dryRun of [true, false]) {
      const world = new GateWorld(usual())
      t.match((await world.decide(evict('9', 'uid-n1', { dryRun }))).verdict, { why: 'object-not-known' })
      t.strictSame(world.trips, [read])
      const other = new GateWorld(whole, { truth: usual() })
      const forged = forgedCleanUp(whole, { dryRun })
      t.match((await other.decide(forged)).verdict, { why: 'object-not-known' })
      t.strictSame(other.trips, ['BackingImage debian'], 'no node and no replica')
    }
  },
)

t.test('a change without a reservation causes reads only if the API server has its object', async (t) => {
  const whole = usual('5').image('debian', [ready('d1'), ready('d3'), ready('d4')])
  const onC = cluster('v1.10.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d3'), disk('d4')])
  const world = new GateWorld(onC.image('debian', [ready('d1'), ready('d3'), ready('d4')]), {
    truth: usual(),
  })
  t.match((await world.decide(forgedCleanUp(whole))).verdict, { why: 'object-not-known' })
  t.strictSame(world.trips, ['BackingImage debian'])
})

t.test('a dry run of a known object reads the same as a real write', async (t) => {
  const world = new GateWorld(usual('5'), { truth: usual('6') })
  const { verdict } = await world.decide(evict('6', 'uid-n1', { dryRun: true }))
  t.equal(verdict.decision, 'allow')
  t.equal(world.trips[0], read)
  t.strictSame(world.reservations, [])
})

t.test('a dry run of an unknown object that would meet a reservation is not held', async (t) => {
  const world = new GateWorld(usual().image('debian', [ready('d1'), ready('d3'), ready('d4')]))
  t.equal((await world.decide(world.cluster.cleanUp('debian', ['d1']))).verdict.decision, 'allow')
  const forged = await world.decide(evict('999999999999', 'forged', { dryRun: true }), 30_000)
  t.match(forged.verdict, { why: 'object-not-known' })
  t.equal(world.record.at(-1)?.timing.heldMs, 0)
})

/** The creation of a data source on d1, as a review with this uid shows it; its image is stored. */
function create(of: TestCluster, name: string, uid: string): Change {
  if (of.map.image(name) === undefined) of.image(name, [])
  const change = of.place(name, 'd1')
  if (change.operation !== 'CREATE') throw new Error(`${name} exists`)
  return { ...change, after: { ...change.after, metadata: { ...change.after.metadata, uid } } }
}

/** The creation of a node with a flag up. */
function createNode(of: TestCluster, name: string): Change {
  const disks = [disk('d9', evicting)]
  return of.toNode(name, disks, { metadata: { uid: `uid-${name}`, resourceVersion: '' } })
}

t.test('the number of reserved creates is limited, and a retry of each passes', async (t) => {
  const world = new GateWorld(usual())
  // With a version, which no create has: a forged one is counted all the same.
  const placed = (at: number) => create(world.cluster, `new-${at}`, `uid-${at}`)
  for (let at = 0; at < mostCreations; at++)
    t.equal((await world.decide(placed(at))).verdict.decision, 'allow')
  t.match((await world.decide(placed(mostCreations))).verdict, { why: 'object-not-known' })
  t.equal((await world.decide(placed(0))).verdict.decision, 'allow', 'the same again')
  t.equal(world.reservations.length, mostCreations)
})

t.test('creates of one kind leave those of another their room', async (t) => {
  const world = new GateWorld(usual())
  for (let at = 0; at <= mostCreations; at++) await world.decide(createNode(world.cluster, `forged-${at}`))
  t.match((await world.decide(createNode(world.cluster, 'one-more'))).verdict, { why: 'object-not-known' })
  t.equal((await world.decide(create(world.cluster, 'new', 'uid'))).verdict.decision, 'allow')
})

t.test('creates that are on their way to a reservation count too', async (t) => {
  const world = new GateWorld(usual())
  let go: () => void = () => undefined
  const stuck = new Promise<void>((resolve) => (go = resolve))
  world.before = () => stuck
  const changes = Array.from({ length: mostCreations + 8 }, (_, at) =>
    create(world.cluster, `new-${at}`, `uid-${at}`),
  )
  const decided = Promise.all(changes.map((change) => world.decide(change, 10_000)))
  go()
  const allowed = (await decided).filter(({ verdict }) => verdict.decision === 'allow')
  t.equal(allowed.length, mostCreations)
  t.equal(world.reservations.length, mostCreations)
  world.before = () => undefined
  t.match((await world.decide(create(world.cluster, 'later', 'later'))).verdict, { why: 'object-not-known' })
})

t.test('creates of one name under many uids count as many objects', async (t) => {
  const world = new GateWorld(usual())
  for (let at = 0; at < mostCreations; at++)
    t.equal((await world.decide(create(world.cluster, 'new', `uid-${at}`))).verdict.decision, 'allow')
  const more = await world.decide(create(world.cluster, 'new', 'another uid'))
  t.match(more, { verdict: { why: 'object-not-known' }, answer: { status: { code: 503 } } })
  t.equal(world.reservations.length, mostCreations)
})

t.test('a finished create does not count, although its reservation remains', async (t) => {
  const world = new GateWorld(usual())
  for (let at = 0; at < mostCreations; at++)
    await world.decide(create(world.cluster, `new-${at}`, `uid-${at}`))
  const last = create(world.cluster, 'last', 'last')
  t.match((await world.decide(last)).verdict, { why: 'object-not-known' })
  const { after } = create(world.cluster, 'new-0', 'uid-0')
  if (after) world.cluster.add(after)
  t.equal(world.reservations.length, mostCreations, 'not tidied yet')
  t.equal((await world.decide(last)).verdict.decision, 'allow')
})

t.test('a create of an existing object reserves nothing', async (t) => {
  const without = usual().image('old', [])
  const source = without.place('old', 'd1')
  const node = createNode(without, 'n9')
  const world = new GateWorld(
    usual()
      .image('old', [])
      .source('old', 'd3')
      .node('n9', [disk('d9')]),
  )
  for (const change of [source, node])
    t.match((await world.decide(change)).verdict, { why: 'object-not-known' })
  t.strictSame(world.reservations, [])
  t.strictSame(world.trips, [])
})

t.test('a create of a data source needs its image, which is read where the disk map lacks it', async (t) => {
  const invented = new GateWorld(usual())
  const forged = invented.cluster.place('no-such-image', 'd1')
  t.match((await invented.decide(forged)).verdict, { why: 'object-not-known' })
  t.strictSame([invented.reservations, invented.trips], [[], ['BackingImage no-such-image']])
  const behind = new GateWorld(usual(), { truth: usual().image('new', []) })
  t.equal((await behind.decide(behind.cluster.place('new', 'd1'))).verdict.decision, 'allow')
  t.equal(behind.trips[0], 'BackingImage new')
})

t.test('a create is never held: nothing stored proves that an API server asks', async (t) => {
  const world = new GateWorld(usual().image('debian', [ready('d1'), ready('d3')]))
  t.equal((await world.decide(world.cluster.cleanUp('debian', ['d1']))).verdict.decision, 'allow')
  const flagged = world.cluster.toNode('n9', [disk('d1', evicting)])
  const { verdict, answer } = await world.decide(flagged, 30_000)
  t.equal(verdict.decision, 'hold')
  t.match(answer, { status: { code: 429 } })
  t.equal(world.record.at(-1)?.timing.heldMs, 0)
  const proxied = world.cluster.toNode('n9', [disk('d1', evicting)], {}, { door: 'proxy-kubernetes' })
  const waiting = new AbortController()
  const held = world.decide(proxied, 30_000, waiting.signal)
  await eventually(() => world.gate.holding === 1, 'a proxy has asked the API server who it is')
  waiting.abort()
  await held
})
