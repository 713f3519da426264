import t from 'tap'
import type { RestartReason } from '../../src/kubernetes/watch/list-watch-state.ts'
import { watchLines } from '../../src/kubernetes/watch/watch-stream.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import type { FakeApiServer, Fault } from './fake-api-server.ts'
import { follow, followTwo, path, thing, waitOf } from './following.ts'

t.test('a failed list is retried after a back-off, whatever the failure', (t) => {
  const cases: readonly (readonly [RestartReason, Fault])[] = [
    ['server-error', { answer: 500 }],
    ['refused', { answer: 401 }],
    ['refused', { answer: 403 }],
    ['missing', { answer: 404, text: '404 page not found' }],
    ['throttled', { answer: 429 }],
    ['unreachable', 'reset'],
    ['cut', 'cut'],
  ]
  for (const [reason, fault] of cases) {
    t.test(`${JSON.stringify(fault)} counts as ${reason}`, async (t) => {
      const { listWatch, clock, problems, caughtUp, known } = await follow(t, (server) => {
        server.store.put(path, thing('a'))
        server.fail('list', fault)
      })
      await eventually(() => listWatch.state.phase === 'backing-off')
      t.equal(listWatch.synced, false)
      t.match(problems, [{ reason, retryInMs: 400 }])
      t.equal(listWatch.problem?.reason, reason)
      clock.advance(399)
      t.equal(listWatch.state.phase, 'backing-off')
      clock.advance(1)
      await caughtUp()
      t.ok(known.has('a'))
      t.equal(listWatch.problem, undefined)
      t.equal(listWatch.counters.restarts[reason], 1)
    })
  }
  t.end()
})

t.test('a watch that cannot be opened is tried again, from the same version, without a new list', (t) => {
  const cases: readonly Fault[] = [{ answer: 500 }, { answer: 403 }, { answer: 429 }, 'cut']
  for (const fault of cases) {
    t.test(JSON.stringify(fault), async (t) => {
      const { server, listWatch, clock, caughtUp } = await follow(t, (server) => server.fail('watch', fault))
      await eventually(() => listWatch.state.phase === 'backing-off')
      clock.advance(400)
      await caughtUp()
      t.equal(server.seen('list').length, 1)
      const versions = server.seen('watch').map(({ query }) => query.get('resourceVersion'))
      t.strictSame(versions, ['1000000', '1000000'])
    })
  }
  t.end()
})

t.test(
  'a watch that is rejected, as for a version that is none, leads to a new list after a back-off',
  async (t) => {
    const { server, listWatch, clock, caughtUp } = await follow(t, (server) =>
      server.fail('watch', { answer: 400 }),
    )
    await eventually(() => listWatch.state.phase === 'backing-off')
    t.equal(listWatch.counters.restarts.rejected, 1)
    clock.advance(400)
    await caughtUp()
    t.equal(server.seen('list').length, 2)
  },
)

t.test('a watch line that does not end is no event', async (t) => {
  const endless = async function* () {
    for (let n = 0; n < 4; n++) yield await Promise.resolve(Buffer.from('12345'))
  }
  const read = async () => {
    for await (const lines of watchLines(endless(), 16)) t.strictSame(lines, [])
  }
  await t.rejects(read(), { name: 'MalformedAnswer', message: /longer than 16 bytes/ })
})

t.test('waiting', (t) => {
  t.test('the waits double up to half a minute, and start again after two minutes of health', async (t) => {
    const { listWatch, clock, server, caughtUp, problems } = await follow(t, (server) =>
      server.fail('list', { answer: 500 }, 8),
    )
    for (let n = 1; n <= 8; n++) {
      await eventually(
        () => listWatch.counters.restarts['server-error'] === n && listWatch.state.phase === 'backing-off',
      )
      clock.advance(waitOf(listWatch))
    }
    await caughtUp()
    t.equal(problems.length, 1, 'the same problem is reported once')
    const waits = async () => {
      server.cutWatches()
      await eventually(() => listWatch.state.phase === 'backing-off')
      const wait = waitOf(listWatch)
      clock.advance(wait)
      await caughtUp()
      return wait
    }
    t.equal(await waits(), 15_000, 'after eight failures the wait is half of 30 s')
    for (let n = 0; n < 2; n++) {
      clock.advance(60_000)
      server.bookmark()
      await eventually(() => listWatch.ageMs() === 0)
    }
    t.equal(await waits(), 400)
  })

  for (const [fault, from] of [
    [{ answer: 429, retryAfter: 7 }, 'the header'],
    [{ answer: 429, text: '{"kind":"Status","details":{"retryAfterSeconds":7}}' }, 'the Status'],
  ] as const) {
    t.test(`Retry-After of ${from} is honoured`, async (t) => {
      const { listWatch, clock, server, caughtUp } = await follow(t, (server) => server.fail('list', fault))
      await eventually(() => listWatch.state.phase === 'backing-off')
      clock.advance(6_999)
      await turns()
      t.equal(server.requests.length, 1)
      clock.advance(1)
      await caughtUp()
    })
  }

  t.test('a Retry-After of a day is not believed', async (t) => {
    const { listWatch } = await follow(t, (server) =>
      server.fail('list', { answer: 503, retryAfter: 86_400 }),
    )
    await eventually(() => listWatch.state.phase === 'backing-off')
    t.equal(waitOf(listWatch), 300_000)
  })

  t.test('a server that is down is found again', async (t) => {
    const { server, listWatch, clock, caughtUp, problems, known } = await followTwo(t)
    await server.down()
    await eventually(() => listWatch.state.phase === 'backing-off')
    clock.advance(waitOf(listWatch))
    await eventually(() => problems.some(({ reason }) => reason === 'unreachable'))
    t.match(problems.at(-1)?.error.message, /Cannot reach the API server at http:\/\/127.*ECONNREFUSED/)
    server.store.put(path, thing('c'))
    await server.up()
    await eventually(() => listWatch.state.phase === 'backing-off')
    clock.advance(waitOf(listWatch))
    await caughtUp()
    t.strictSame([...known.keys()], ['a', 'b', 'c'])
  })

  t.test('a watch that ends at once, again and again, is not a hot loop', async (t) => {
    const { server, listWatch, clock } = await follow(t, (server) => server.fail('watch', 'close', 1_000))
    await eventually(() => listWatch.state.phase === 'backing-off')
    await turns()
    t.equal(server.seen('watch').length, 4)
    clock.advance(waitOf(listWatch))
    await eventually(() => server.seen('watch').length === 5 && listWatch.state.phase === 'backing-off')
    t.equal(server.seen('list').length, 1)
  })

  t.test('lists whose watch always expires are not a hot loop either', async (t) => {
    const { server, listWatch } = await follow(t, (server) =>
      server.fail('watch', { errorEvent: 410 }, 1_000),
    )
    await eventually(() => listWatch.state.phase === 'backing-off')
    await turns()
    t.equal(server.seen('list').length, 4)
  })
  t.end()
})

t.test('silence', (t) => {
  t.test('after 90 s without a byte, the watch is given up for a list', async (t) => {
    const { server, listWatch, clock, caughtUp, known } = await followTwo(t)
    server.silenceWatches()
    server.store.put(path, thing('unheard'))
    clock.advance(89_999)
    await turns()
    t.equal(listWatch.counters.watches, 1)
    t.notOk(known.has('unheard'))
    clock.advance(1)
    await caughtUp()
    t.ok(known.has('unheard'))
    t.equal(server.seen('list').length, 2)
    t.equal(listWatch.counters.restarts.silent, 1)
  })

  t.test(
    'the copy of a resource without writes stays current by a new list every 90 s, without a problem',
    async (t) => {
      const { listWatch, clock, caughtUp, problems } = await followTwo(t)
      for (let n = 1; n <= 10; n++) {
        clock.advance(90_000)
        await eventually(() => listWatch.counters.lists === n + 1)
        await caughtUp()
        t.equal(listWatch.ageMs(), 0)
      }
      t.strictSame(problems, [])
    },
  )

  t.test('watches that are cut each minute do not put that off', async (t) => {
    const { server, listWatch, clock, caughtUp } = await followTwo(t)
    clock.advance(60_000)
    await turns()
    server.cutWatches()
    await eventually(() => listWatch.state.phase === 'backing-off')
    clock.advance(waitOf(listWatch))
    await caughtUp()
    t.equal(listWatch.counters.lists, 1)
    clock.advance(90_000 - listWatch.ageMs())
    await eventually(() => listWatch.counters.lists === 2)
    await caughtUp()
    t.ok(listWatch.ageMs() < 90_000)
  })

  t.test('a watch that opens and stays silent is given up too', async (t) => {
    const { listWatch, clock, caughtUp } = await follow(t, (server) => server.fail('watch', 'half-open'))
    await eventually(() => listWatch.counters.watches === 1)
    await turns()
    clock.advance(90_000)
    await caughtUp()
    t.equal(listWatch.counters.restarts.silent, 1)
  })

  t.test('after 30 s without headers, the request is given up', async (t) => {
    const { server, listWatch, clock, problems, caughtUp } = await follow(t, (server) =>
      server.fail('list', 'silent'),
    )
    await eventually(() => server.stuck === 1)
    clock.advance(30_000)
    await eventually(() => listWatch.state.phase === 'backing-off')
    t.match(problems, [{ reason: 'timed-out', error: { message: /did not answer GET \/apis.*within 30 s/ } }])
    clock.advance(400)
    await caughtUp()
  })

  t.test('a list whose body stalls is given up', async (t) => {
    const { listWatch, clock, caughtUp, server } = await follow(t, (server) =>
      server.fail('list', 'half-open'),
    )
    await eventually(() => server.stuck === 1)
    await turns()
    clock.advance(30_000)
    await caughtUp()
    t.equal(listWatch.counters.restarts.silent, 1)
  })
  t.end()
})

t.test('a new list is made at once, and reports only the differences', (t) => {
  const cases: readonly (readonly [string, RestartReason, (server: FakeApiServer) => void])[] = [
    [
      'after an ERROR event',
      'error-event',
      (server) => server.sendToWatches('{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n'),
    ],
    [
      'after an ERROR event that says 410',
      'expired',
      (server) => server.sendToWatches('{"type":"ERROR","object":{"code":410}}\n'),
    ],
    ['after a line that is no JSON', 'malformed', (server) => server.sendToWatches('{"type":\n')],
    [
      'after an event of an unknown type',
      'malformed',
      (server) => server.sendToWatches('{"type":"MOVED","object":{}}\n'),
    ],
    [
      'after an object without a name',
      'malformed',
      (server) => server.sendToWatches('{"type":"ADDED","object":{"metadata":{}}}\n'),
    ],
    [
      'after a bookmark without a version',
      'malformed',
      (server) => server.sendToWatches('{"type":"BOOKMARK","object":{}}\n'),
    ],
    [
      'after a version that goes backwards',
      'new-history',
      (server) => server.sendToWatches('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n'),
    ],
  ]
  for (const [name, reason, happen] of cases) {
    t.test(name, async (t) => {
      const { server, listWatch, changes, caughtUp } = await followTwo(t)
      happen(server)
      await eventually(() => listWatch.counters.restarts[reason] === 1)
      await eventually(() => listWatch.counters.watches === 2)
      t.equal(listWatch.counters.lists, 2)
      t.strictSame(changes, [], 'the restart reports no changes')
      server.store.put(path, thing('a', 2))
      await caughtUp()
      t.match(changes, [{ type: 'changed', name: 'a' }])
    })
  }

  t.end()
})
