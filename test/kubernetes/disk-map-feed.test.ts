import t from 'tap'

import { kinds } from '../../src/longhorn/kinds.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { feeding, node, pathOf } from './feeding.ts'

const { signal } = new AbortController()

t.test('the fed objects', (t) => {
  t.test('every kind of Longhorn is followed in its namespace, and nothing else', async (t) => {
    const { server, clock, sink, feed, watching } = await feeding(t, ({ store }) => {
      for (const kind of Object.values(kinds)) {
        store.put(`/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${kind.plural}`, node('one'))
        store.put(`/apis/longhorn.io/v1beta2/namespaces/elsewhere/${kind.plural}`, node('other'))
      }
    })
    await feed.whenSynced(signal)
    await watching()
    t.strictSame(
      sink.names,
      Object.keys(kinds)
        .map((kind) => `${kind}/one`)
        .sort(),
    )
    t.strictSame([...feed.followers.keys()].sort(), Object.keys(kinds).sort())
    t.equal(server.seen('list').length, 6)
    t.strictSame([...sink.times], [clock.now()], 'the times come from the injected clock')
  })

  t.test('changes and deletions arrive as they are watched, parsed', async (t) => {
    const { server, sink, feed, watching } = await feeding(t, ({ store }) =>
      store.put(pathOf('Node'), node('n1')),
    )
    await feed.whenSynced(signal)
    await watching()
    server.store.put(pathOf('Node'), node('n1', true))
    await eventually(() => sink.objects.get('Node/n1')?.metadata.resourceVersion === '1000002')
    t.match(sink.objects.get('Node/n1'), { kind: 'Node', spec: { evictionRequested: true } })
    server.store.delete(pathOf('Node'), 'n1')
    await eventually(() => sink.objects.size === 0)
  })

  t.test('an object that a new list lacks is removed', async (t) => {
    const { server, clock, sink, feed, watching } = await feeding(t, ({ store }) => {
      store.put(pathOf('Replica'), node('r1'))
      store.put(pathOf('Replica'), node('r2'))
    })
    await feed.whenSynced(signal)
    await watching()
    server.fail('watch', { answer: 500 }, 6)
    server.endWatches()
    await eventually(() => [...feed.followers.values()].every(({ state }) => state.phase === 'backing-off'))
    server.store.delete(pathOf('Replica'), 'r1')
    server.store.compact()
    t.strictSame(sink.names, ['Replica/r1', 'Replica/r2'])
    clock.advance(400)
    await eventually(() => sink.objects.size === 1)
    t.strictSame(sink.names, ['Replica/r2'])
  })
  t.end()
})

t.test('how far it can be trusted', (t) => {
  t.test('it is synced when the last kind is; until then its age is infinite', async (t) => {
    const { server, clock, feed } = await feeding(t, (server) => server.fail('list', { answer: 500 }))
    await eventually(() => server.watches === 5)
    await eventually(() => [...feed.followers.values()].some(({ state }) => state.phase === 'backing-off'))
    t.equal(feed.synced, false)
    t.equal(feed.ageMs(), Infinity)
    const synced = feed.whenSynced(signal)
    clock.advance(400)
    await synced
    t.equal(feed.synced, true)
    t.equal(feed.ageMs(), 400, 'the age is that of the oldest kind')
    await feed.whenSynced(signal)
  })

  t.test('its age is that of the kind known worst', async (t) => {
    const { server, clock, feed, watching } = await feeding(t)
    await watching()
    clock.advance(20_000)
    server.store.put(pathOf('Node'), node('n1'))
    await eventually(() => feed.followers.get('Node')?.ageMs() === 0)
    t.equal(feed.ageMs(), 20_000)
    server.bookmark()
    await eventually(() => feed.ageMs() === 0)
  })

  t.test('the signal stops all of it', async (t) => {
    const ending = new AbortController()
    const { clock, feed, watching } = await feeding(t, undefined, {
      signal: ending.signal,
      limits: { pageSize: 1 },
    })
    await watching()
    ending.abort()
    await eventually(() => [...feed.followers.values()].every(({ state }) => state.phase === 'stopped'))
    t.equal(clock.pending, 0)
    const never = await feeding(t, undefined, { signal: ending.signal })
    await t.rejects(never.feed.whenSynced(signal), { message: 'The feed of the disk map was stopped.' })
  })

  t.test('waiting for it ends with the signal, or when it is stopped', async (t) => {
    const { clock, feed } = await feeding(t, (server) => server.fail('list', 'silent', 6))
    const ending = new AbortController()
    const waiting = t.rejects(feed.whenSynced(ending.signal), new Error('enough'))
    ending.abort(new Error('enough'))
    await waiting
    const stopped = t.rejects(feed.whenSynced(signal), { message: 'The feed of the disk map was stopped.' })
    await feed.stop()
    await stopped
    t.equal(clock.pending, 0)
  })
  t.end()
})

t.test('after an outage all kinds are followed again as soon as one is', async (t) => {
  const waits = [0.1, 0.9, 0.9, 0.9, 0.9, 0.9]
  let asked = 0
  const { server, clock, feed, watching } = await feeding(t, undefined, {
    random: () => waits[asked++ % waits.length] ?? 0,
  })
  await watching()
  asked = 0
  await server.down()
  const phases = () => [...feed.followers.values()].map(({ state }) => state.phase)
  await eventually(() => phases().every((phase) => phase === 'backing-off'))
  await server.up()
  clock.advance(80)
  await watching()
  t.same(new Set(phases()), new Set(['watching']))
})

t.test('during an outage it says why it cannot follow, and afterwards nothing', async (t) => {
  const { server, clock, feed, watching } = await feeding(t)
  await watching()
  t.equal(feed.outage, undefined)
  await server.down()
  await eventually(() => feed.outage !== undefined)
  t.match(feed.outage, /The connection to .* was lost/)
  await server.up()
  await eventually(() => {
    clock.advance(1_000)
    return feed.outage === undefined
  })
})

t.test('but a kind for which the server has asked for time waits that long', async (t) => {
  const { server, clock, feed, watching } = await feeding(t)
  await watching()
  server.fail('watch', { answer: 429, retryAfter: 3 })
  server.cutWatches()
  const waiting = () => [...feed.followers.values()].filter(({ state }) => state.phase === 'backing-off')
  await eventually(() => waiting().length === 6)
  clock.advance(400)
  await eventually(() => server.watches === 5 && waiting().length === 1)
  clock.advance(2_999)
  await turns()
  t.equal(server.watches, 5)
  clock.advance(1)
  await watching()
})

t.test('an object that cannot be read', (t) => {
  t.test('is reported, counted and listed; its last version stays', async (t) => {
    const { server, sink, problems, feed, watching } = await feeding(t, ({ store }) => {
      store.put(pathOf('Node'), node('n1'))
      store.put(pathOf('Node'), node('never-read', 'yes'))
    })
    await watching()
    server.store.put(pathOf('Node'), node('n1', 'yes'))
    await eventually(() => feed.unreadable.length === 2)
    t.strictSame(sink.names, ['Node/n1'])
    t.match(sink.objects.get('Node/n1'), { spec: { evictionRequested: false } })
    t.equal(feed.synced, true)
    t.equal(feed.unreadableSeen, 2)
    t.match(feed.unreadable[1], {
      kind: 'Node',
      name: 'n1',
      problem: /spec\.evictionRequested must be boolean/,
    })
    t.match(problems[1], {
      type: 'unreadable',
      kind: 'Node',
      name: 'n1',
      message: /Node n1 is not what .* but is "yes"\. .* kubectl get nodes\.longhorn\.io n1 -o yaml/,
    })
  })

  t.test('is no longer listed once it can be read, or is gone', async (t) => {
    const { server, sink, feed, watching } = await feeding(t, ({ store }) => {
      store.put(pathOf('Node'), node('n1', 'yes'))
      store.put(pathOf('Node'), node('n2', 'yes'))
    })
    await watching()
    server.store.put(pathOf('Node'), node('n1', true))
    server.store.delete(pathOf('Node'), 'n2')
    await eventually(() => feed.unreadable.length === 0)
    t.strictSame(sink.names, ['Node/n1'])
    t.equal(feed.unreadableSeen, 2)
  })

  t.test('can also be one at which the sink throws', async (t) => {
    const { server, sink, problems, feed, watching } = await feeding(t)
    await watching()
    sink.refuse = 'n1'
    server.store.put(pathOf('Node'), node('n1'))
    server.store.put(pathOf('Node'), node('n2'))
    await eventually(() => sink.objects.has('Node/n2'))
    t.match(problems, [
      {
        ...{ type: 'not-applied', kind: 'Node', name: 'n1', error: { message: 'no room for n1' } },
        message:
          /^Holdfast cannot update Node n1 in the disk map: no room for n1\. .*denies dangerous writes/,
      },
    ])
    t.match(feed.unreadable, [{ name: 'n1', problem: 'no room for n1, a bug in Holdfast' }])
    sink.refuse = undefined
    server.store.put(pathOf('Node'), node('n1'))
    await eventually(() => feed.unreadable.length === 0)
  })
  t.end()
})

t.test('a kind that cannot be followed', (t) => {
  for (const [answer, advice] of [
    [404, /is Longhorn installed.*kubectl get crd nodes\.longhorn\.io/],
    [
      403,
      /needs to get, list and watch nodes\.longhorn\.io in namespace longhorn-system.*kubectl auth can-i/,
    ],
  ] as const) {
    t.test(
      `${answer}: the guard reports the problem with advice once, and retries until it works`,
      async (t) => {
        const { clock, problems, feed } = await feeding(t, (server) => server.fail('list', { answer }, 12))
        const backingOff = (times: number) =>
          [...feed.followers.values()].every(
            ({ state, counters }) =>
              state.phase === 'backing-off' && Object.values(counters.restarts).includes(times),
          )
        await eventually(() => backingOff(1))
        clock.advance(400)
        await eventually(() => backingOff(2))
        t.equal(problems.length, 6, 'each kind reports one problem')
        t.match(
          problems.find(({ kind }) => kind === 'Node'),
          { type: 'not-followed', message: advice, retryInMs: 400 },
        )
        clock.advance(800)
        await feed.whenSynced(signal)
      },
    )
  }
  t.end()
})
