import t from 'tap'
import { eventually, turns } from '../fixtures/eventually.ts'
import { follow, path, thing } from './following.ts'

t.test('a list-watch in good weather', (t) => {
  t.test('every listed object is reported once, in one synchronous run, and then it is synced', async (t) => {
    const order: string[] = []
    const { listWatch, caughtUp } = await follow(
      t,
      ({ store }) => ['a', 'b', 'c'].forEach((name) => store.put(path, thing(name))),
      {
        limits: { pageSize: 2 },
        onChange: ({ type, name }) => {
          if (order.length === 0) queueMicrotask(() => order.push('the next task'))
          order.push(`${type} ${name}`)
        },
        onSynced: () => order.push('synced'),
      },
    )
    t.equal(listWatch.synced, false)
    t.equal(listWatch.ageMs(), Infinity)
    await eventually(() => order.includes('the next task'))
    t.strictSame(order, ['added a', 'added b', 'added c', 'synced', 'the next task'])
    t.equal(listWatch.synced, true)
    await eventually(() => listWatch.counters.watches === 1)
    t.ok(caughtUp)
  })

  t.test('pages of 100 are followed to the end, from a consistent read', async (t) => {
    const { server, known, caughtUp } = await follow(t, ({ store }) => {
      for (let n = 0; n < 241; n++) store.put(path, thing(`thing-${n}`))
    })
    await caughtUp()
    t.equal(known.size, 241)
    const lists = server.seen('list').map(({ query }) => query)
    t.strictSame(
      lists.map((query) => query.get('limit')),
      ['100', '100', '100'],
    )
    t.notOk(
      lists.some((query) => query.has('resourceVersion')),
      'no version is asked for',
    )
  })

  t.test('the watch starts at the version of the list, with bookmarks and an end', async (t) => {
    const { server, caughtUp } = await follow(t, ({ store }) => store.put(path, thing('a')))
    await caughtUp()
    const query = server.seen('watch')[0]?.query
    t.equal(query?.get('resourceVersion'), '1000001')
    t.equal(query?.get('allowWatchBookmarks'), 'true')
    t.equal(query?.get('timeoutSeconds'), '450', 'the timeout is half way between 300 and 600')
  })

  t.test('additions, changes and deletions are reported as they happen', async (t) => {
    const { server, changes, caughtUp, listWatch } = await follow(t)
    await caughtUp()
    server.store.put(path, thing('a'))
    server.store.put(path, thing('a', 2))
    server.store.delete(path, 'a')
    server.store.put('/apis/example.dev/v1/namespaces/other/things', thing('b'))
    await eventually(() => changes.length === 3)
    t.match(changes, [
      { type: 'added', name: 'a', value: { size: 1 } },
      { type: 'changed', name: 'a', value: { size: 2 } },
      { type: 'deleted', name: 'a', value: { size: 2 } },
    ])
    t.equal(listWatch.counters.events, 3)
  })

  t.test('managedFields are dropped before an object is handed on', async (t) => {
    const { server, known, caughtUp } = await follow(t, ({ store }) => store.put(path, thing('listed')))
    await caughtUp()
    server.store.put(path, thing('watched'))
    server.store.put(path, { metadata: { name: 'odd', managedFields: 'none' }, size: 1 })
    await caughtUp()
    t.notMatch(JSON.stringify([...known.values()]), 'managedFields')
    t.equal(known.size, 3)
  })

  t.test('managedFields keep only the times at which status was written', async (t) => {
    const written = { subresource: 'status', time: '2026-01-01T12:00:00Z' }
    const fields = [
      { manager: 'kubectl', operation: 'Update', time: '2026-01-02T12:00:00Z', fieldsV1: { 'f:spec': {} } },
      { ...written, manager: 'longhorn-manager', operation: 'Update', fieldsV1: { 'f:status': {} } },
    ]
    const { known, caughtUp } = await follow(t, ({ store }) =>
      store.put(path, { metadata: { name: 'n', managedFields: fields } }),
    )
    await caughtUp()
    t.match(known.get('n'), { metadata: { managedFields: [written] } })
    t.notMatch(JSON.stringify(known.get('n')), 'f:status')
  })

  t.test('a watch that ends is resumed at once from the last bookmark', async (t) => {
    const { server, listWatch, caughtUp, problems } = await follow(t)
    await caughtUp()
    server.store.put('/elsewhere', thing('raises the version'))
    server.bookmark()
    await eventually(() => listWatch.resourceVersion === '1000001')
    server.endWatches()
    await eventually(() => listWatch.counters.watches === 2)
    t.equal(server.seen('watch')[1]?.query.get('resourceVersion'), '1000001')
    t.equal(server.seen('list').length, 1)
    t.equal(listWatch.counters.restarts.closed, 1)
    t.strictSame(problems, [], 'a closed watch is no problem')
  })

  t.test('a change between two watches is not missed', async (t) => {
    const { server, known, caughtUp } = await follow(t)
    await caughtUp()
    server.endWatches()
    server.store.put(path, thing('in between'))
    await caughtUp()
    t.ok(known.has('in between'))
  })

  t.test('events that come byte by byte, with split characters, are read right', async (t) => {
    const { server, known, caughtUp } = await follow(t)
    await caughtUp()
    server.slow = true
    server.store.put(path, thing('größe-ß-日本-🦆'))
    server.store.put(path, thing('second'))
    await eventually(() => known.size === 2)
    t.ok(known.has('größe-ß-日本-🦆'))
  })

  t.test('its age is the time since the last byte; each bookmark makes it young', async (t) => {
    const { server, clock, listWatch, caughtUp } = await follow(t)
    await caughtUp()
    clock.advance(61_000)
    t.equal(listWatch.ageMs(), 61_000)
    server.bookmark()
    await eventually(() => listWatch.ageMs() === 0)
    clock.advance(80_000)
    t.equal(listWatch.state.phase, 'watching', 'a bookmark starts the 90 s again')
  })

  t.test('a list proves the state at its request, not at its end', async (t) => {
    const { clock, listWatch, server } = await follow(
      t,
      (server) => {
        server.store.put(path, thing('a'))
        server.store.put(path, thing('b'))
        server.fail('list', {
          answer: 200,
          text: '{"metadata":{"resourceVersion":"7","continue":"x"},"items":[]}',
        })
        server.fail('list', { answer: 200, text: '{"metadata":{"resourceVersion":"7"},"items":[]}' })
        server.fail('watch', 'silent', 9)
      },
      { project: (object) => object },
    )
    await eventually(() => server.seen('list').length === 1)
    clock.advance(2_000)
    await eventually(() => listWatch.synced)
    t.equal(listWatch.ageMs(), 2_000)
  })
  t.end()
})

t.test('handlers', (t) => {
  t.test('a listener that throws is reported, counted, and stops nothing', async (t) => {
    const faults: string[] = []
    const { problems, listWatch } = await follow(
      t,
      ({ store }) => ['a', 'b'].forEach((name) => store.put(path, thing(name))),
      {
        onChange: ({ name }) => {
          faults.push(name)
          throw new Error(`no ${name}, please`)
        },
      },
    )
    await eventually(() => listWatch.counters.watches === 1)
    t.strictSame(faults, ['a', 'b'])
    t.equal(listWatch.counters.handlerErrors, 2)
    t.match(problems, [{ reason: 'handler', error: { message: 'no a, please' } }, { reason: 'handler' }])
  })

  t.test('a listener for problems that throws stops nothing either', async (t) => {
    const { listWatch, clock, known } = await follow(
      t,
      (server) => {
        server.store.put(path, thing('a'))
        server.fail('list', { answer: 500 })
      },
      {
        onProblem: () => {
          throw new Error('nobody listens')
        },
      },
    )
    await eventually(() => listWatch.state.phase === 'backing-off')
    clock.advance(400)
    await eventually(() => known.has('a'))
    t.equal(listWatch.counters.handlerErrors, 2)
  })

  t.test('a projection that throws leads to a new list after a while', async (t) => {
    let readable = false
    const { listWatch, clock, problems, known } = await follow(
      t,
      ({ store }) => store.put(path, thing('a')),
      {
        project: (object) => {
          if (!readable) throw new Error('cannot project')
          return object
        },
      },
    )
    await eventually(() => listWatch.state.phase === 'backing-off')
    t.match(problems, [{ reason: 'unexpected', error: { message: 'cannot project' }, retryInMs: 400 }])
    readable = true
    clock.advance(400)
    await eventually(() => known.has('a'))
  })
  t.end()
})

t.test('stopping', (t) => {
  t.test('ends a live watch: no timer, no socket, no more calls', async (t) => {
    const { server, clock, listWatch, caughtUp, connection, changes } = await follow(t)
    await caughtUp()
    await listWatch.stop()
    t.equal(listWatch.state.phase, 'stopped')
    t.equal(clock.pending, 0)
    connection.close()
    let open = 1
    await eventually(() => {
      void server.connections().then((count) => (open = count))
      return open === 0
    })
    server.store.put(path, thing('late'))
    await turns()
    t.strictSame(changes, [])
  })

  for (const phase of ['listing', 'backing-off'] as const) {
    t.test(`ends it while ${phase}`, async (t) => {
      const { server, clock, listWatch } = await follow(t, (server) =>
        server.fail('list', phase === 'listing' ? 'silent' : { answer: 500 }),
      )
      await eventually(() => server.requests.length === 1 && listWatch.state.phase === phase)
      await listWatch.stop()
      t.equal(listWatch.state.phase, 'stopped')
      t.equal(clock.pending, 0)
      t.equal(server.requests.length, 1)
    })
  }

  t.test('the signal stops it too, and one aborted before lets it do nothing at all', async (t) => {
    const ending = new AbortController()
    const { listWatch, caughtUp } = await follow(t, undefined, { signal: ending.signal })
    await caughtUp()
    ending.abort()
    await eventually(() => listWatch.state.phase === 'stopped')
    const never = await follow(t, undefined, { signal: ending.signal })
    await never.listWatch.stop()
    t.equal(never.server.requests.length, 0)
  })
  t.end()
})
