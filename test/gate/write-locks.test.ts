import t from 'tap'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { cluster } from '../fixtures/cluster.ts'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, is, two } from './replicas.ts'

const rest = { door: 'proxy-longhorn' } as const
const proxied = { door: 'proxy-kubernetes' } as const

/** Two proxies before an image with two copies, on a release that has nothing else to reserve. */
function twoCopies(release: string): [GateWorld, GateWorld] {
  const book = new InProcessBook()
  const state = () =>
    cluster(release)
      .node('n1', [disk('d1')])
      .node('n2', [disk('d2')])
      .image('ubuntu', [ready('d1'), ready('d2')])
  return [new GateWorld(state(), { book }), new GateWorld(state(), { book, replica: 'two' })]
}

for (const release of ['v1.6.4', 'v1.8.0', 'v1.9.0', 'v1.10.0']) {
  t.test(`one of two clean-ups of different copies through proxies waits: ${release}`, async (t) => {
    const [one, other] = twoCopies(release)
    const { verdict, release: letGo } = await one.decide(one.cluster.cleanUp('ubuntu', ['d1'], rest))
    t.equal(verdict.decision, 'allow')
    const held = await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d2'], proxied))
    t.match(held, {
      objections: [
        { rule: 'last-usable-copy', found: /^a write through a proxy .* \(BackingImage ubuntu\)/ },
      ],
    })
    await letGo?.()
    t.strictSame(one.reservations, [])
    // The first was committed; now it is the last copy.
    other.cluster.image('ubuntu', [ready('d2')], { metadata: { resourceVersion: '9' } })
    await is(t, 'refuse', other, other.cluster.cleanUp('ubuntu', ['d2'], proxied))
  })
}

t.test('the same clean-up, asked for twice, waits for its turn as well', async (t) => {
  const [one, other] = twoCopies('v1.8.0')
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], rest))
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1'], rest))
})

t.test('writes to two objects do not wait for each other', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], rest))
  await is(t, 'allow', other, other.cluster.cleanUp('debian', ['d2'], rest))
})

t.test('the webhook waits for no turn: the API server commits a reviewed version only', async (t) => {
  const [proxy, webhook] = twoCopies('v1.8.0')
  await is(t, 'allow', proxy, proxy.cluster.cleanUp('ubuntu', ['d1'], rest))
  await is(t, 'allow', webhook, webhook.cluster.cleanUp('ubuntu', ['d1']))
})

t.test('a harmless change waits for no turn, and asks no server', async (t) => {
  const world = new GateWorld(
    cluster('v1.8.0').node('n1', [disk('d1')], { evictionRequested: true, allowScheduling: false }),
  )
  const { verdict, release } = await world.decide(world.cluster.toNode('n1', [disk('d1')], {}, rest))
  t.equal(verdict.decision, 'allow')
  t.equal(release, undefined)
  t.strictSame(world.trips, [])
})

t.test('a dry run checks the write lock, and does not take it', async (t) => {
  const [one, other] = twoCopies('v1.8.0')
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], { ...proxied, dryRun: true }))
  t.strictSame(one.reservations, [])
  await is(t, 'allow', one, one.cluster.cleanUp('ubuntu', ['d1'], rest))
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d2'], { ...proxied, dryRun: true }))
})

t.test('the combined effect of two writes to one object is named', async (t) => {
  const [one, other] = two()
  const evict = ({ cluster: of }: GateWorld) =>
    of.toNode('n1', [disk('d1', emptied), disk('d2')], {}, proxied)
  await is(t, 'allow', one, evict(one))
  t.match(await is(t, 'hold', other, evict(other)), {
    objections: [{ rule: 'eviction-during-cleanup', found: /^a write through a proxy .* \(Node n1\)/ }],
  })
  for (const world of [one, other]) world.cluster.source('ubuntu', 'd3', true)
  const place = ({ cluster: of }: GateWorld) => of.place('ubuntu', 'd4', proxied)
  await is(t, 'allow', one, place(one))
  t.match(await is(t, 'hold', other, place(other)), {
    objections: [{ rule: 'first-file-during-eviction', found: /\(BackingImageDataSource ubuntu\)/ }],
  })
})
