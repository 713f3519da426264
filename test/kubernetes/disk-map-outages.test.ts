import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import type { FakeApiServer } from './fake-api-server.ts'
import { feeding, node, pathOf } from './feeding.ts'

t.test('additional calls of the sink', (t) => {
  const one = (store: FakeApiServer['store']) => store.put(pathOf('Node'), node('n1'))

  t.test(
    'an object of the first list of its kind may have long been so, and a later one is news',
    async (t) => {
      const { server, sink, watching } = await feeding(t, ({ store }) => one(store))
      await watching()
      server.store.put(pathOf('Node'), node('n2'))
      await eventually(() => sink.objects.has('Node/n2'))
      server.store.delete(pathOf('Node'), 'n2')
      await eventually(() => !sink.objects.has('Node/n2'))
      t.strictSame(sink.events, ['first n1', 'n2 goes'])
    },
  )

  t.test('an outage begins when all was last well, and ends when every kind is watched again', async (t) => {
    const { server, clock, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    clock.advance(5_000)
    // The half line with which it is cut is the last sign of life.
    server.cutWatches()
    await eventually(() => sink.events.filter((each) => each === 'out since 5000').length === 6)
    clock.advance(400)
    await watching()
    await eventually(() => sink.events.at(-1)?.startsWith('well') === true)
    t.equal(
      sink.events.filter((each) => each.startsWith('well')).length,
      1,
      'the outage ends when the last kind is back',
    )
    t.match(sink.events.at(-1), /^well again at 5[0-9]{3}$/)
  })

  t.test('an object that a list lacks after an outage may have changed before its deletion', async (t) => {
    const { server, clock, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    server.fail('watch', { answer: 500 }, 6)
    server.endWatches()
    await eventually(() => sink.events.filter((each) => each.startsWith('out')).length === 6)
    server.store.delete(pathOf('Node'), 'n1')
    server.store.compact()
    clock.advance(400)
    await eventually(() => sink.objects.size === 0)
    t.ok(sink.events.includes('n1 is missed'))
  })

  t.test('a watch that ends normally is no outage, and neither is a kind without writes', async (t) => {
    const { server, clock, feed, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    server.endWatches()
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.watches === 2))
    clock.advance(90_000)
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.lists === 2))
    t.strictSame(sink.events, ['first n1'])
  })

  t.test('silence in which something has changed was an outage', async (t) => {
    const { server, clock, feed, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.watches === 1))
    server.silenceWatches()
    server.store.put(pathOf('Node'), node('n2'))
    clock.advance(90_000)
    await eventually(() => feed.followers.get('Node')?.counters.lists === 2)
    await eventually(() => sink.events.some((each) => each.startsWith('well')))
    t.strictSame(sink.events, ['first n1', 'out since 0', 'well again at 90000'])
  })

  t.test('a server that is away when the feed begins is an outage too', async (t) => {
    const { clock, sink, watching } = await feeding(t, (server) => server.fail('list', { answer: 500 }, 6))
    await eventually(() => sink.events.length === 6)
    clock.advance(400)
    await watching()
    await eventually(() => sink.events.at(-1)?.startsWith('well') === true)
    t.ok(sink.events.includes('out since 0'))
  })
  t.end()
})
