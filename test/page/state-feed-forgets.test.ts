import t from 'tap'
import { StateFeed } from '../../src/page/state-feed.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { ready } from '../fixtures/raw-objects.ts'
import { PageWorld, smallCluster } from './page-world.ts'

/** A feed on a small cluster, and a follower that keeps the names of its events. */
function feeding() {
  const clock = new FakeClock()
  const objects = smallCluster()
  const world = new PageWorld(objects, clock)
  const feed = new StateFeed(world.source, clock)
  const follow = () => {
    const events: string[] = []
    return { events, end: feed.follow(({ name }) => events.push(name)) }
  }
  const change = () => objects.at(clock.monotonic()).image('ubuntu', [ready('d3')])
  return { clock, world, feed, follow, change }
}

t.test(
  'a feed without followers forgets its state, and a later follower hears of no change since then',
  (t) => {
    const { clock, world, follow, change } = feeding()
    follow().end()
    clock.advance(1_000)
    change()
    const late = follow()
    t.strictSame(late.events, [])
    late.end()
    clock.advance(1_000)
    world.trend.stop()
    t.equal(clock.pending, 0)
    t.end()
  },
)

t.test('a feed that is followed again in time keeps its state', (t) => {
  const { clock, world, follow, change } = feeding()
  follow().end()
  clock.advance(300)
  const next = follow()
  change()
  world.touch()
  clock.advance(500)
  t.strictSame(next.events, ['change'])
  t.end()
})

t.test('a state without a follower is kept until the nodes may be made again, and no longer', (t) => {
  const { clock, world, feed } = feeding()
  feed.state()
  feed.state()
  world.trend.stop()
  t.equal(clock.pending, 1)
  clock.advance(399)
  t.equal(clock.pending, 1)
  clock.advance(1)
  t.equal(clock.pending, 0)
  t.end()
})
