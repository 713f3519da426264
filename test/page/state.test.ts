import t from 'tap'
import { parser } from '../../src/json/schema.ts'
import { nodeViews } from '../../src/page/node-view.ts'
import { StateFeed } from '../../src/page/state-feed.ts'
import { type State, StateChangeSchema, StateSchema } from '../../src/page/state-schema.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { copy, disk, pending, planned, ready } from '../fixtures/raw-objects.ts'
import { PageWorld, smallCluster } from './page-world.ts'

const parseState = parser(StateSchema, (state) => state)
const parseChange = parser(StateChangeSchema, (change) => change)

function views(world = smallCluster()) {
  const seen = { map: world.map, policy: defaultPolicy, profile: 'A', now: noon } as const
  return nodeViews({ ...seen, reserved: new Map() })
}

/** A feed on a small cluster, and all that it tells. */
function followed() {
  const clock = new FakeClock()
  const objects = smallCluster()
  const world = new PageWorld(objects, clock)
  const feed = new StateFeed(world.source, clock)
  const sent: { name: string; data: unknown }[] = []
  const end = feed.follow(({ name, data }) => sent.push({ name, data: JSON.parse(data) as unknown }))
  return { clock, objects, world, feed, end, changes: () => sent.filter(({ name }) => name === 'change') }
}

t.test('each copy says how it looks, how old its clean-up is and who needs it', (t) => {
  const objects = cluster('v1.8.0')
    .node(
      'n1',
      ['d1', 'd2', 'd3', 'd4', 'd5'].map((name) => disk(name)),
    )
    .image('a', [pending('d1'), ready('d2')])
    .image('b', [copy('d1', 'in-progress', { progress: 43 }), planned('d3'), copy('d4', 'failed')])
    .image('c', [copy('d5', 'unknown'), ready('d4')])
    .replica('r1', 'a', 'd2')
  const copies = views(objects).flatMap(({ disks }) =>
    disks.flatMap((each) => each.copies.map((view) => ({ disk: each.name, ...view }))),
  )
  t.match(copies, [
    { disk: 'd1', image: 'a', look: 'cleaning up', since: noon, last: false },
    { disk: 'd1', image: 'b', look: 'copying', progress: 43 },
    { disk: 'd2', image: 'a', look: 'ready', replicas: 1, last: true, since: null },
    { disk: 'd3', image: 'b', look: 'copying', progress: null },
    { disk: 'd4', image: 'b', look: 'failed' },
    { disk: 'd4', image: 'c', look: 'ready', last: false },
    { disk: 'd5', image: 'c', look: 'unknown' },
  ])
  t.end()
})

t.test('a node says whether it is in danger, flagged, closed', (t) => {
  const objects = smallCluster()
    .node('n1', [disk('d1'), disk('d2')], { evictionRequested: true, allowScheduling: false })
    .node('n2', [disk('d3', { evictionRequested: true })])
  t.match(views(objects), [
    {
      name: 'n1',
      state: 'danger',
      evictionRequested: true,
      scheduling: false,
      disks: [{ scheduling: false }, {}],
    },
    { name: 'n2', state: 'flagged', evictionRequested: false, disks: [{ evictionRequested: true }] },
  ])
  t.end()
})

t.test('a node says which flags a rescue has noted on it, and who raises them', (t) => {
  const note = { node: false, disks: ['d1'], at: '2026-11-23T11:00:00Z', by: 'ann\n' }
  const noted = (text: string) => {
    const objects = smallCluster()
    objects.node('n1', [disk('d1')], { metadata: { annotations: { 'holdfast.dev/rescue': text } } })
    return views(objects)[0]?.noted
  }
  t.strictSame(noted(JSON.stringify(note)), {
    ...{ node: false, disks: ['d1'], since: '2026-11-23T11:00:00.000Z', by: 'ann ', problem: null },
    raisedBy: 'person',
  })
  t.match(noted(JSON.stringify({ ...note, guard: { generation: 2 } })), { raisedBy: 'guard' })
  t.match(noted('{'), { disks: [], problem: 'it is not JSON' })
  t.equal(views()[0]?.noted, null)
  t.end()
})

t.test('the state names images that are on no disk of a node', (t) => {
  const { clock, feed, objects } = followed()
  objects.image('lost', [ready('d9')])
  clock.advance(1_000)
  t.match(JSON.parse(feed.state()), { imagesNowhere: ['lost'] })
  t.end()
})

t.test('names that act on a screen are one line and bounded', (t) => {
  const name = `d\u202e\n${'x'.repeat(1_000)}`
  const [view] = views(cluster('v1.8.0').node('n1', [disk(name)]))
  t.match(view?.disks[0]?.name, /^d x+…$/)
  t.ok((view?.disks[0]?.name.length ?? 0) <= 256)
  t.end()
})

t.test('the state is as its schema says', (t) => {
  const { feed, world } = followed()
  world.hold()
  const state: unknown = JSON.parse(feed.state())
  t.strictSame(parseState(state).ok, true, JSON.stringify(parseState(state)))
  t.match(state, { kind: 'State', nodes: [{ name: 'n1', reserved: 2 }, { name: 'n2' }] })
  t.end()
})

t.test('the feed sends only what has changed, as its schema says', (t) => {
  const { clock, objects, world, changes } = followed()
  clock.advance(1_000)
  objects.at(clock.monotonic()).image('ubuntu', [ready('d3')])
  world.touch()
  clock.advance(1_000)
  const [change] = changes()
  t.equal(parseChange(change?.data).ok, true)
  t.match(change?.data, { kind: 'StateChange', nodes: { set: [{ name: 'n1' }], gone: [] } })
  t.notOk(Object.hasOwn(Object(change?.data) as object, 'longhorn'), 'an unchanged part is not sent')
  t.end()
})

t.test('the feed sends a hold when it begins and when it ends', (t) => {
  const { clock, world, changes } = followed()
  world.hold()
  clock.advance(500)
  t.match(changes().at(-1)?.data, { waiting: [{ doing: 'evicting d2 of n1', user: 'anna' }] })
  world.release()
  clock.advance(500)
  t.match(changes().at(-1)?.data, { waiting: [] })
  t.end()
})

t.test('the feed sends many changes together, a few times a second', (t) => {
  const { clock, world } = followed()
  const before = world.looks
  for (let tenth = 0; tenth < 100; tenth++) {
    for (let each = 0; each < 50; each++) world.touch()
    clock.advance(10)
  }
  t.ok(world.looks - before <= 4, `the feed reads the nodes ${world.looks - before} times in a second`)
  t.end()
})

t.test('a feed without followers computes nothing and follows nothing', (t) => {
  const { clock, world, end } = followed()
  t.equal(world.followers, 1)
  end()
  const before = world.looks
  world.touch()
  clock.advance(60_000)
  t.equal(world.looks, before)
  t.equal(world.followers, 0)
  world.trend.stop()
  t.equal(clock.pending, 0, 'the feed leaves no timer')
  t.end()
})

/** A feed of a cluster so large that making its nodes takes this many milliseconds. */
function slow(nodesMs: number) {
  const fake = new FakeClock()
  let spent = 0
  const clock = {
    now: () => fake.now(),
    monotonic: () => fake.monotonic() + spent,
    setTimer: (ms: number, fire: () => void) => fake.setTimer(ms, fire),
  }
  const objects = smallCluster()
  const world = new PageWorld(objects, clock)
  const nodes: typeof world.source.nodes = (before) => {
    spent += nodesMs
    return world.source.nodes(before)
  }
  const feed = new StateFeed({ ...world.source, nodes }, clock)
  return { fake, objects, world, feed }
}

t.test(
  'in a large cluster the feed sends a hold at once, and spends a twentieth of the time on nodes',
  (t) => {
    const { fake, objects, world, feed } = slow(300)
    const sent: { waiting?: unknown[]; nodes?: unknown }[] = []
    feed.follow(({ name, data }) => {
      if (name === 'change') sent.push(JSON.parse(data) as (typeof sent)[number])
    })
    const before = world.looks
    objects.image('ubuntu', [ready('d3')])
    world.hold()
    fake.advance(500)
    t.match(sent, [{ waiting: [{ user: 'anna' }] }])
    t.equal(sent[0]?.nodes, undefined)
    t.equal(world.looks, before)
    for (let second = 0; second < 10; second++) {
      world.touch()
      fake.advance(1_000)
    }
    t.match(sent.at(-1)?.nodes, { set: [{ name: 'n1' }] })
    t.equal(world.looks, before + 1, 'the feed reads the nodes once in ten seconds')
    t.end()
  },
)

t.test(
  'a state that is asked for without a stream is made in a twentieth of the time, and then forgotten',
  (t) => {
    const { fake, world, feed } = slow(300)
    for (let tenth = 0; tenth < 50; tenth++) {
      feed.state()
      feed.follow(() => undefined)()
      fake.advance(100)
    }
    t.equal(world.looks, 1)
    world.hold()
    fake.advance(400)
    t.match(
      JSON.parse(feed.state()),
      { waiting: [{ user: 'anna' }] },
      'the state has the requests that wait now',
    )
    fake.advance(10_000)
    world.trend.stop()
    t.equal(fake.pending, 0, 'the feed leaves no timer')
    t.end()
  },
)

t.test('a follower gets a pulse with the age of the map every two seconds', (t) => {
  const clock = new FakeClock()
  const world = new PageWorld(smallCluster(), clock)
  const pulses: unknown[] = []
  new StateFeed(world.source, clock).follow(({ name, data }) => {
    if (name === 'pulse') pulses.push(JSON.parse(data))
  })
  const began = clock.monotonic()
  world.currentAt = () => began
  clock.advance(4_000)
  t.match(pulses, [{ now: began + 2_000, currentAt: began }, { now: began + 4_000 }])
  t.end()
})

t.test('a node that goes is named', (t) => {
  const { clock, objects, world, changes } = followed()
  objects.map.remove('Node', 'n2', clock.monotonic(), false)
  world.touch()
  clock.advance(1_000)
  t.match(changes().at(-1)?.data, { nodes: { gone: ['n2'] } })
  t.end()
})

t.test('in a cluster of 5,000 disks the feed sends a change of one node alone', (t) => {
  const objects = cluster('v1.8.0')
  for (let node = 0; node < 500; node++)
    objects.node(
      `n${node}`,
      Array.from({ length: 10 }, (_, at) => disk(`n${node}-d${at}`)),
    )
  for (let image = 0; image < 100; image++)
    objects.image(
      `image-${image}`,
      Array.from({ length: 50 }, (_, at) => ready(`n${(image * 5 + at) % 500}-d${at % 10}`)),
    )
  const clock = new FakeClock()
  const world = new PageWorld(objects, clock)
  const feed = new StateFeed(world.source, clock)
  const sent: string[] = []
  feed.follow(({ name, data }) => {
    if (name === 'change') sent.push(data)
  })
  const state = JSON.parse(feed.state()) as State
  t.equal(state.nodes.flatMap(({ disks }) => disks).length, 5_000)
  objects.at(clock.monotonic()).replica('r', 'image-0', 'n0-d0')
  world.touch()
  clock.advance(60_000)
  t.equal(sent.length, 1)
  t.ok((sent[0]?.length ?? Infinity) < 5_000, `${sent[0]?.length} characters for one node`)
  t.end()
})
