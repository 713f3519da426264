import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { follow, followTwo, path, thing } from './following.ts'

t.test(
  'a version that is too old leads to a new list, which yields additions, changes and deletions',
  async (t) => {
    const { server, listWatch, clock, changes, caughtUp, known } = await followTwo(t)
    server.fail('watch', { answer: 500 })
    server.endWatches()
    await eventually(() => listWatch.state.phase === 'backing-off')
    server.store.put(path, thing('a', 2))
    server.store.delete(path, 'b')
    server.store.put(path, thing('c'))
    server.store.compact()
    t.strictSame([...known.keys()], ['a', 'b'], 'known objects stay until the list is complete')
    clock.advance(400)
    await caughtUp()
    t.match(changes, [
      { type: 'changed', name: 'a', value: { size: 2 } },
      { type: 'added', name: 'c' },
      { type: 'deleted', name: 'b' },
    ])
    t.equal(listWatch.counters.restarts.expired, 1)
  },
)

t.test('a list whose pages expire starts again at the first page', async (t) => {
  const { server, listWatch, caughtUp, known } = await follow(
    t,
    (server) => {
      for (let n = 0; n < 6; n++) server.store.put(path, thing(`thing-${n}`))
    },
    {
      limits: { pageSize: 2 },
      project: (object) => {
        if (server.seen('list').length === 2) {
          server.expirePages()
          server.store.delete(path, 'thing-0')
        }
        return object
      },
    },
  )
  await caughtUp()
  t.equal(known.size, 5)
  t.notOk(known.has('thing-0'), 'no page of the expired list is used')
  t.equal(listWatch.counters.lists, 1)
  t.equal(listWatch.counters.restarts.expired, 1)
})

t.test('a server with a shorter history rejects our version as too large', async (t) => {
  const { server, listWatch, clock, caughtUp } = await followTwo(t)
  server.restart()
  await eventually(() => listWatch.state.phase === 'backing-off')
  clock.advance(400)
  await caughtUp()
  t.equal(listWatch.counters.restarts['new-history'], 1)
  t.equal(listWatch.counters.lists, 2)
  t.equal(listWatch.resourceVersion, String(server.store.version))
})

t.test('a server that accepts the watch is found out by its first bookmark', async (t) => {
  const { server, listWatch, clock, caughtUp, known } = await followTwo(t)
  server.futureVersion = 'accept'
  server.restart()
  server.store.put(path, thing('c'))
  await eventually(() => listWatch.state.phase === 'backing-off')
  clock.advance(400)
  await eventually(() => listWatch.counters.watches === 2)
  t.notOk(known.has('c'))
  server.bookmark()
  await caughtUp()
  t.ok(known.has('c'))
  t.equal(listWatch.counters.restarts['new-history'], 1)
})

t.test('the same version with another content is a change, as after a restore', async (t) => {
  const { server, listWatch, caughtUp, changes } = await followTwo(t)
  server.fail('list', {
    answer: 200,
    text: JSON.stringify({
      metadata: { resourceVersion: '1000002' },
      items: [
        { metadata: { name: 'a', resourceVersion: '1000001' }, size: 1 },
        { metadata: { name: 'b', resourceVersion: '1000002' }, size: 99 },
      ],
    }),
  })
  server.sendToWatches('{"type":"ERROR","object":{"code":410}}\n')
  await eventually(() => listWatch.counters.lists === 2)
  await caughtUp()
  t.match(changes, [{ type: 'changed', name: 'b', value: { size: 99 } }])
  t.equal(changes.length, 1)
})

t.test('an answer that is no list, or one that never ends, is rejected', async (t) => {
  const page = { answer: 200, text: '{"metadata":{"resourceVersion":"7","continue":"x"},"items":[]}' }
  const { listWatch, clock, problems, known } = await follow(t, (server) => {
    server.store.put(path, thing('a'))
    server.fail('list', 'malformed')
    server.fail('list', 'nonsense')
    server.fail('list', page, 2)
    server.fail('list', {
      answer: 200,
      text: '{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{}}]}',
    })
  })
  await eventually(() => listWatch.state.phase === 'backing-off')
  t.match(
    problems.map(({ error }) => error.message),
    [/is not valid JSON/, /metadata/, /the same page for ever/, /items\.0\.metadata/],
  )
  clock.advance(400)
  await eventually(() => known.has('a'))
})
