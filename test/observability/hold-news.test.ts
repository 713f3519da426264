import t from 'tap'
import type { HoldListener } from '../../src/gate/ports.ts'
import { HoldNews } from '../../src/observability/hold-news.ts'
import { cluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from '../gate/gate-world.ts'
import { held } from './held.ts'

function listening(others: readonly HoldListener[] = []) {
  const events: string[] = []
  const problems: unknown[] = []
  const clock = new FakeClock()
  const listener: HoldListener = {
    began: ({ id }) => void events.push(`${id} began`),
    ended: ({ id }, how) => void events.push(`${id} ${how}`),
  }
  const news = new HoldNews([...others, listener], {
    clock,
    comesBackMs: 12_000,
    onProblem: (error) => void problems.push(error),
  })
  return { news, clock, events, problems }
}

t.test('listeners hear of a hold after 250 ms, and of its end at once', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(249)
  t.strictSame(events, [])
  clock.advance(1)
  t.strictSame(events, ['1 began'])
  news.ended(held(), 'admitted')
  t.strictSame(events, ['1 began', '1 admitted'])
  t.end()
})

t.test('a hold counts as announced from then until its end', (t) => {
  const { news, clock } = listening()
  news.began(held())
  t.notOk(news.isAnnounced(1), 'a young hold is not announced yet')
  clock.advance(250)
  t.ok(news.isAnnounced(1))
  news.ended(held(), 'admitted')
  t.notOk(news.isAnnounced(1))
  t.end()
})

t.test('listeners do not hear of a hold that ends within 250 ms', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(249)
  news.ended(held(), 'admitted')
  clock.advance(10_000)
  t.strictSame(events, [])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('listeners hear once of a client that retries, until its wait is over', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(8_500)
  news.ended(held(), 'told to retry')
  clock.advance(2_000)
  const again = held({ id: 2, isRetry: true })
  news.began(again)
  clock.advance(5_000)
  news.ended(again, 'admitted')
  clock.advance(20_000)
  t.strictSame(events, ['1 began', '2 admitted'])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('listeners hear that a client is gone if it has to retry and does not come back', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(8_500)
  news.ended(held(), 'told to retry')
  clock.advance(11_999)
  t.strictSame(events, ['1 began'])
  clock.advance(1)
  t.strictSame(events, ['1 began', '1 gone'])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('listeners hear of a client that has to retry within 250 ms when it comes back', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(100)
  news.ended(held(), 'told to retry')
  clock.advance(2_000)
  news.began(held({ id: 2, isRetry: true }))
  clock.advance(250)
  t.strictSame(events, ['2 began'])
  t.end()
})

t.test('listeners hear of a client that gives up and asks again ten seconds after the first time', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(3_000)
  news.ended(held(), 'left')
  news.began(held({ id: 2 }))
  clock.advance(6_000)
  t.strictSame(events, ['1 began', '1 left'])
  clock.advance(2_000)
  t.strictSame(events, ['1 began', '1 left', '2 began'])
  news.ended(held({ id: 2 }), 'admitted')
  t.strictSame(events.slice(3), ['2 admitted'])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('after a stop it waits for nothing', (t) => {
  const { news, clock, events } = listening()
  news.began(held())
  clock.advance(250)
  news.ended(held(), 'told to retry')
  news.began(held({ id: 2, doing: 'evicting d3 of n1' }))
  news.stop()
  t.equal(clock.pending, 0)
  news.ended(held({ id: 2, doing: 'evicting d3 of n1' }), 'told to retry')
  t.equal(clock.pending, 0)
  t.strictSame(events, ['1 began'])
  t.end()
})

t.test('listeners hear of one of many like holds in 10 s, and of other holds at once', (t) => {
  const { news, clock, events } = listening()
  for (const id of [1, 2, 3]) news.began(held({ id }))
  news.began(held({ id: 4, request: { uid: 'r', user: 'bob', door: 'webhook' } }))
  clock.advance(250)
  clock.advance(5_000)
  for (const id of [1, 2, 3, 4]) news.ended(held({ id }), 'left')
  t.strictSame(events, ['1 began', '4 began', '1 left', '4 left'])
  clock.advance(10_000)
  news.began(held({ id: 5 }))
  clock.advance(250)
  t.strictSame(events.slice(4), ['5 began'])
  t.end()
})

/** Two holds of one user for one change, both announced: the second ten seconds after the first. */
function twins() {
  const listened = listening()
  const { news, clock, events } = listened
  news.began(held())
  clock.advance(250)
  const second = held({ id: 2, since: 250 })
  news.began(second)
  clock.advance(11_000)
  return { ...listened, second, began: [...events] }
}

t.test('of two alike holds that are both announced, each one ends', (t) => {
  const { news, clock, events, second, began } = twins()
  t.strictSame(began, ['1 began', '2 began'])
  news.ended(held(), 'told to retry')
  clock.advance(1_000)
  news.ended(second, 'told to retry')
  clock.advance(10_999)
  t.strictSame(events.slice(2), [])
  clock.advance(1)
  t.strictSame(events.slice(2), ['1 gone'])
  clock.advance(1_000)
  t.strictSame(events.slice(2), ['1 gone', '2 gone'])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a retry goes on with the hold that began when it did, and the other one is gone', (t) => {
  const { news, clock, events, second } = twins()
  news.ended(held(), 'told to retry')
  news.ended(second, 'told to retry')
  const again = held({ id: 3, since: 250, isRetry: true })
  news.began(again)
  news.ended(again, 'admitted')
  t.strictSame(events.slice(2), ['3 admitted'])
  clock.advance(12_000)
  t.strictSame(events.slice(3), ['1 gone'])
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a stop forgets all clients that have to retry', (t) => {
  const { news, clock, events, second } = twins()
  news.ended(held(), 'told to retry')
  news.ended(second, 'told to retry')
  news.stop()
  t.equal(clock.pending, 0)
  t.strictSame(events.slice(2), [])
  t.end()
})

t.test('a listener that fails keeps no news from the others', (t) => {
  const broken: HoldListener = {
    began: () => {
      throw new Error('no room')
    },
    ended: () => undefined,
  }
  const { news, clock, events, problems } = listening([broken])
  news.began(held())
  clock.advance(250)
  t.strictSame(events, ['1 began'])
  t.match(problems, [{ message: 'no room' }])
  t.end()
})

t.test('a retry that passes without another hold ends the wait, and its client is not gone', async (t) => {
  const drained = [ready('d3'), ready('d4')]
  const nodes = () =>
    cluster('v1.8.0')
      .node('n1', [disk('d1'), disk('d2')])
      .node('n2', [disk('d3'), disk('d4')])
  const of = nodes().image('ubuntu', [pending('d1'), ...drained])
  const events: string[] = []
  const listener: HoldListener = {
    began: () => void events.push('began'),
    ended: (_held, how) => void events.push(how),
  }
  const clock = new FakeClock()
  const news = new HoldNews([listener], { clock, comesBackMs: 12_000, onProblem: () => undefined })
  const world = new GateWorld(of, { holdListeners: [news] })
  const ask = () =>
    world.decide(of.toNode('n1', [disk('d1'), disk('d2', { evictionRequested: true })]), 10_000)
  const first = ask()
  await eventually(() => world.gate.holding === 1)
  clock.advance(9_000)
  world.clock.advance(10_000)
  t.match(await first, { answer: { allowed: false } })
  of.image('ubuntu', drained)
  world.emit('BackingImage', 'ubuntu')
  clock.advance(1_000)
  world.clock.advance(1_000)
  t.match(await ask(), { answer: { allowed: true } })
  clock.advance(20_000)
  t.strictSame(events, ['began', 'admitted'])
})
