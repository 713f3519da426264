import t, { type Test } from 'tap'
import { connectTo } from '../../src/kubernetes/connection.ts'
import { DiskMapFeed, type DiskMapFeedOptions } from '../../src/kubernetes/disk-map-feed.ts'
import type { FeedProblem } from '../../src/kubernetes/feed-problem.ts'
import { kinds, type Kind, type LonghornObject } from '../../src/longhorn/kinds.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeApiServer } from './fake-api-server.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

const { signal } = new AbortController()

function pathOf(kind: Kind): string {
  return `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${kinds[kind].plural}`
}

function node(name: string, evictionRequested: unknown = false) {
  return { metadata: { name }, spec: { evictionRequested } }
}

/** When every clock of these tests begins. */
const start = new FakeClock().now()

/** A sink that remembers, and refuses on demand. */
class RememberingSink {
  readonly objects = new Map<string, LonghornObject>()
  readonly times = new Set<number>()
  /** What it was told of outages, and what it took from first lists and missed, in order. */
  readonly told: string[] = []
  refuse: string | undefined

  apply(object: LonghornObject, at: number, isFirst: boolean): void {
    if (isFirst) this.told.push(`first ${object.metadata.name}`)
    if (object.metadata.name === this.refuse) throw new Error(`no room for ${this.refuse}`)
    this.times.add(at)
    this.objects.set(`${object.kind}/${object.metadata.name}`, object)
  }

  outageBegan(began: number): void {
    this.told.push(`out since ${began - start}`)
  }

  outageEnded(at: number): void {
    this.told.push(`well again at ${at - start}`)
  }

  remove(kind: Kind, name: string, at: number, unseen: boolean): void {
    this.told.push(`${name} ${unseen ? 'is missed' : 'goes'}`)
    this.times.add(at)
    this.objects.delete(`${kind}/${name}`)
  }

  get names(): string[] {
    return [...this.objects.keys()].sort()
  }
}

/** Feeds a remembering sink from a fake server that `prepare` may misuse; all is stopped with the test. */
async function feeding(
  t: Test,
  prepare: (server: FakeApiServer) => void = () => undefined,
  options: Partial<DiskMapFeedOptions> = {},
) {
  const server = await FakeApiServer.start()
  prepare(server)
  const clock = new FakeClock()
  const connection = connectTo(server.url, { clock })
  const sink = new RememberingSink()
  const problems: FeedProblem[] = []
  const feed = new DiskMapFeed({
    connection,
    namespace: 'longhorn-system',
    sink,
    onProblem: (problem) => problems.push(problem),
    clock,
    random: () => 0.5,
    ...options,
  })
  t.teardown(async () => {
    await feed.stop()
    connection.close()
    await server.down()
  })
  const watching = async () => await eventually(() => server.watches === 6, 'all six kinds are watched')
  return { server, clock, sink, problems, feed, watching }
}

t.test('what is fed', (t) => {
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
    t.strictSame([...sink.times], [clock.now()], 'at the time of the injected clock')
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

  t.test('what a new list no longer holds is removed', async (t) => {
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
    t.equal(feed.synced, false)
    t.equal(feed.ageMs(), Infinity)
    const synced = feed.whenSynced(signal)
    clock.advance(400)
    await synced
    t.equal(feed.synced, true)
    t.equal(feed.ageMs(), 400, 'the other kinds are older')
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

t.test('what the sink is told besides', (t) => {
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
      t.strictSame(sink.told, ['first n1', 'n2 goes'])
    },
  )

  t.test('an outage begins when all was last well, and ends when every kind is watched again', async (t) => {
    const { server, clock, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    clock.advance(5_000)
    // The half line with which it is cut is the last sign of life.
    server.cutWatches()
    await eventually(() => sink.told.filter((each) => each === 'out since 5000').length === 6)
    clock.advance(400)
    await watching()
    await eventually(() => sink.told.at(-1)?.startsWith('well') === true)
    t.equal(sink.told.filter((each) => each.startsWith('well')).length, 1, 'only when the last is back')
    t.match(sink.told.at(-1), /^well again at 5[0-9]{3}$/)
  })

  t.test('what a list lacks after an outage may have changed before it went', async (t) => {
    const { server, clock, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    server.fail('watch', { answer: 500 }, 6)
    server.endWatches()
    await eventually(() => sink.told.filter((each) => each.startsWith('out')).length === 6)
    server.store.delete(pathOf('Node'), 'n1')
    server.store.compact()
    clock.advance(400)
    await eventually(() => sink.objects.size === 0)
    t.ok(sink.told.includes('n1 is missed'))
  })

  t.test('a watch that ends in time is no outage, and neither is a kind that nobody writes', async (t) => {
    const { server, clock, feed, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    server.endWatches()
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.watches === 2))
    clock.advance(90_000)
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.lists === 2))
    t.strictSame(sink.told, ['first n1'])
  })

  t.test('silence in which something has changed was an outage', async (t) => {
    const { server, clock, feed, sink, watching } = await feeding(t, ({ store }) => one(store))
    await watching()
    await eventually(() => [...feed.followers.values()].every(({ counters }) => counters.watches === 1))
    server.silenceWatches()
    server.store.put(pathOf('Node'), node('n2'))
    clock.advance(90_000)
    await eventually(() => feed.followers.get('Node')?.counters.lists === 2)
    await eventually(() => sink.told.some((each) => each.startsWith('well')))
    t.strictSame(sink.told, ['first n1', 'out since 0', 'well again at 90000'])
  })

  t.test('a server that is away when the feed begins is an outage too', async (t) => {
    const { clock, sink, watching } = await feeding(t, (server) => server.fail('list', { answer: 500 }, 6))
    await eventually(() => sink.told.length === 6)
    clock.advance(400)
    await watching()
    await eventually(() => sink.told.at(-1)?.startsWith('well') === true)
    t.ok(sink.told.includes('out since 0'))
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
  t.test('is reported, counted and listed; what was known of it stays', async (t) => {
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

  t.test('nor is one that the sink throws at taken for known', async (t) => {
    const { server, sink, problems, feed, watching } = await feeding(t)
    await watching()
    sink.refuse = 'n1'
    server.store.put(pathOf('Node'), node('n1'))
    server.store.put(pathOf('Node'), node('n2'))
    await eventually(() => sink.objects.has('Node/n2'))
    t.match(problems, [
      { type: 'not-applied', kind: 'Node', name: 'n1', error: { message: 'no room for n1' } },
    ])
    t.match(feed.unreadable, [{ name: 'n1' }])
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
    t.test(`${answer}: the problem says what to do, once, and it is tried until it works`, async (t) => {
      const { clock, problems, feed } = await feeding(t, (server) => server.fail('list', { answer }, 12))
      const backingOff = (times: number) =>
        [...feed.followers.values()].every(
          ({ state, counters }) =>
            state.phase === 'backing-off' && Object.values(counters.restarts).includes(times),
        )
      await eventually(() => backingOff(1))
      clock.advance(400)
      await eventually(() => backingOff(2))
      t.equal(problems.length, 6, 'one for each kind')
      t.match(
        problems.find(({ kind }) => kind === 'Node'),
        { type: 'not-followed', message: advice, retryInMs: 400 },
      )
      clock.advance(800)
      await feed.whenSynced(signal)
    })
  }
  t.end()
})
