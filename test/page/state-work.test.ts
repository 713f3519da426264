import t from 'tap'
import { type NodesSeen, nodeViews } from '../../src/page/node-view.ts'
import { StateFeed } from '../../src/page/state-feed.ts'
import type { NodeView } from '../../src/page/state-schema.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import { PageWorld } from './page-world.ts'

/** Ten nodes with a disk each; image-n has copies on the disks n and n + 1. */
function ring() {
  const objects = cluster('v1.8.0')
  for (let at = 0; at < 10; at++) objects.node(`n${at}`, [disk(`d${at}`)])
  for (let at = 0; at < 10; at++) objects.image(`image-${at}`, [ready(`d${at}`), ready(`d${(at + 1) % 10}`)])
  return objects
}

/** The views of the nodes after each change, and which of them are made anew. */
function looking() {
  const objects = ring().at(noon + 1_000)
  let before: ReadonlyMap<string, NodeView> = new Map()
  const look = (how: Partial<NodesSeen> = {}): string[] => {
    const usual = { policy: defaultPolicy, profile: 'A', now: noon, reserved: new Map() } as const
    const seen = { map: objects.map, ...usual, ...how }
    const views = nodeViews(seen, before)
    t.strictSame(views, nodeViews(seen), 'a view that is kept is as one that is made anew')
    const anew = views.filter((view) => before.get(view.name) !== view).map(({ name }) => name)
    before = new Map(views.map((view) => [view.name, view]))
    return anew
  }
  look()
  return { objects, look }
}

t.test('only the nodes that a change is about are made anew', (t) => {
  const { objects, look } = looking()
  t.strictSame(look(), [], 'no change')
  objects.image('image-3', [ready('d3'), copy('d4', 'in-progress', { progress: 5 })])
  t.strictSame(look(), ['n3', 'n4'], 'a copy')
  objects.replica('r', 'image-3', 'd3')
  t.strictSame(look(), ['n3'], 'a replica that uses a copy')
  objects.manager('d7', 'unknown')
  t.strictSame(look(), ['n7'], 'the manager of a disk')
  objects.node('n5', [disk('d5')], { allowScheduling: false })
  t.strictSame(look(), ['n5'], 'a node')
  t.strictSame(look({ reserved: new Map([['n9', 1]]) }), ['n9'], 'a reservation')
  t.strictSame(look(), ['n9'], 'its end')
  t.end()
})

t.test('a node that goes down is made anew alone', (t) => {
  const { objects, look } = looking()
  objects.node('n5', [disk('d5')], { notReady: { reason: 'ManagerPodDown' } })
  t.strictSame(look(), ['n5'])
  t.end()
})

t.test('a node in danger is made anew when its manager no longer crashes on this release', (t) => {
  const { objects, look } = looking()
  objects.image('image-1', [pending('d1'), ready('d2')])
  objects.node('n1', [disk('d1', { evictionRequested: true })])
  t.strictSame(look(), ['n1', 'n2'])
  t.strictSame(look({ profile: 'C' }), ['n1'])
  t.end()
})

t.test('a node whose copy becomes the last usable one is made anew', (t) => {
  const { objects, look } = looking()
  objects.image('image-4', [ready('d4'), copy('d5', 'unknown')])
  look()
  objects.map.remove('Node', 'n5', noon + 2_000)
  t.strictSame(look({ now: noon + 600_000 }), ['n4'], 'image-4 is nowhere else')
  t.end()
})

t.test('a node is made anew when it begins to settle, and when it has settled', (t) => {
  const { objects, look } = looking()
  objects.image('image-1', [pending('d1'), ready('d2')])
  t.strictSame(look({ now: noon + 1_000 }), ['n1', 'n2'])
  objects.at(noon + 5_000).image('image-1', [ready('d2')])
  t.strictSame(look({ now: noon + 5_000 }), ['n1', 'n2'])
  t.strictSame(look({ now: noon + 6_000 }), [])
  const policy = { ...defaultPolicy, settleMs: defaultPolicy.settleMs * 2 }
  t.strictSame(look({ now: noon + 6_000, policy }), ['n1'], 'it settles for longer')
  t.strictSame(look({ now: noon + 600_000, policy }), ['n1'])
  t.end()
})

t.test('a node that goes and comes back is made anew', (t) => {
  const { objects, look } = looking()
  objects.map.remove('Node', 'n2', noon + 2_000)
  t.strictSame(look({ now: noon + 600_000 }), [])
  objects.node('n2', [disk('d2')])
  t.strictSame(look({ now: noon + 600_000 }), ['n2'])
  t.end()
})

t.test('a node that is the same is not made into text again', (t) => {
  const clock = new FakeClock()
  const objects = ring()
  const world = new PageWorld(objects, clock)
  t.teardown(() => world.trend.stop())
  const texts: string[] = []
  const counted = new WeakSet<NodeView>()
  const nodes = (before: ReadonlyMap<string, NodeView>) => {
    const views = world.source.nodes(before)
    for (const view of views) {
      if (counted.has(view)) continue
      counted.add(view)
      const { name, ...rest } = view
      Object.defineProperty(view, 'toJSON', {
        value: () => {
          texts.push(name)
          return { name, ...rest }
        },
      })
    }
    return views
  }
  const feed = new StateFeed({ ...world.source, nodes }, clock)
  t.teardown(feed.follow(() => undefined))
  t.equal(texts.length, 10)
  for (let second = 0; second < 10; second++) {
    world.touch()
    clock.advance(1_000)
  }
  t.equal(texts.length, 10, 'ten seconds without a change')
  objects.at(clock.monotonic()).replica('r', 'image-3', 'd3')
  world.touch()
  clock.advance(1_000)
  t.strictSame(texts.slice(10), ['n3'])
  t.end()
})
