import t, { type Test } from 'tap'
import { ChangingLag, Informer } from '../../src/sandbox/controllers/informer.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { Clock } from '../../src/time/clock.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeCluster } from './longhorn/fake-cluster.ts'

/** Draws these one after the other, and then the last one for ever. */
function drawing(...numbers: number[]): () => number {
  return () => (numbers.length > 1 ? numbers.shift() : numbers[0]) ?? 0
}

/** The informer of the settings, client-go's pauses, and how to write one. */
function watching(t: Test, maxLagMs: number, random: () => number, timersAreLateMs = 0) {
  const clock = new FakeClock()
  const cluster = new FakeCluster()
  const client = cluster.client({ username: 'admin', groups: [] })
  const events: (string | undefined)[] = []
  const late: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer: (ms, fire) => clock.setTimer(ms + timersAreLateMs, fire),
  }
  const informer = new Informer(resources.Setting, {
    ...{ watch: cluster.watch, namespace: 'longhorn-system', clock: late, random },
    lag: new ChangingLag(maxLagMs, random),
    backOff: { restartMs: 800, maxRestartMs: 30_000, healthyMs: 120_000 },
    onChange: (changed) => events.push(changed?.metadata.name),
  })
  t.teardown(() => informer.stop())
  const create = (name: string) =>
    client.create(resources.Setting, {
      apiVersion: 'longhorn.io/v1beta2',
      kind: 'Setting',
      metadata: { name, namespace: 'longhorn-system' },
      value: '1',
    })
  const remove = (name: string) => client.delete(resources.Setting, 'longhorn-system', name)
  const names = () => [...informer.objects.keys()]
  return { clock, cluster, informer, events, create, remove, names }
}

t.test('an informer without lag', (t) => {
  t.test('knows every object when it starts, and each change at once', async (t) => {
    const { informer, events, create, remove, names } = watching(t, 0, () => 0)
    await create('a')
    informer.start()
    t.ok(informer.synced)
    t.same(names(), ['a'])
    await create('b')
    await remove('a')
    t.same(names(), ['b'])
    t.same(events, [undefined, 'b', 'a'])
  })

  t.test('knows nothing after its stop', async (t) => {
    const { informer, create, names } = watching(t, 0, () => 0)
    informer.start()
    await create('a')
    informer.stop()
    await create('b')
    t.same(names(), [])
    t.notOk(informer.synced)
  })
  t.end()
})

t.test('an informer with a lag', (t) => {
  t.test('knows the first list at once, and a change only after the lag', async (t) => {
    const { clock, informer, create, names } = watching(t, 4_000, () => 0.5)
    await create('a')
    informer.start()
    t.same(names(), ['a'])
    await create('b')
    clock.advance(1_999)
    t.same(names(), ['a'])
    clock.advance(1)
    t.same(names(), ['a', 'b'])
  })

  t.test('keeps the order when the lag becomes shorter', async (t) => {
    // 4 s for no time at all, then nothing.
    const { clock, informer, events, create } = watching(t, 4_000, drawing(1, 0, 0))
    informer.start()
    await create('slow')
    clock.advance(1)
    await create('fast')
    clock.advance(3_998)
    t.same(events, [undefined])
    clock.advance(1)
    t.same(events, [undefined, 'slow', 'fast'])
  })

  t.test('catches up at once when a timer of a busy process fires late', async (t) => {
    const { clock, informer, create, names } = watching(t, 4_000, () => 0.5, 5_000)
    informer.start()
    await create('a')
    clock.advance(1_000)
    await create('b')
    clock.advance(5_999)
    t.same(names(), [])
    clock.advance(1)
    t.same(names(), ['a', 'b'])
  })

  t.test('drops pending changes when it is stopped', async (t) => {
    const { clock, informer, events, create } = watching(t, 4_000, () => 1)
    informer.start()
    await create('a')
    informer.stop()
    clock.advance(10_000)
    t.same(events, [undefined])
    t.equal(clock.pending, 0)
  })
  t.end()
})

t.test('an informer whose watch breaks', (t) => {
  t.test('shows the past until it has backed off, and then lists again', async (t) => {
    const { clock, cluster, informer, create, remove, names } = watching(t, 0, () => 0.5)
    await create('a')
    informer.start()
    cluster.breakWatches()
    await create('b')
    await remove('a')
    clock.advance(1_199)
    t.same(names(), ['a'])
    clock.advance(1)
    t.same(names(), ['b'])
    await create('c')
    t.same(names(), ['b', 'c'], 'and it watches again')
  })

  t.test('doubles its pauses up to 30 s while the API server is away', async (t) => {
    const { clock, cluster, informer, create, names } = watching(t, 0, () => 0)
    informer.start()
    cluster.away = true
    cluster.breakWatches()
    // 0.8 + 1.6 + 3.2 + 6.4 + 12.8 + 25.6 s, then every 30 s.
    clock.advance(50_399)
    cluster.away = false
    await create('a')
    clock.advance(1)
    t.same(names(), ['a'])
    cluster.breakWatches()
    await create('b')
    clock.advance(29_999)
    t.same(names(), ['a'], 'one break too many within 2 min')
    clock.advance(1)
    t.same(names(), ['a', 'b'])
  })

  t.test('begins with the shortest pause again after 2 min without a break', async (t) => {
    const { clock, cluster, informer, create, names } = watching(t, 0, () => 0)
    informer.start()
    cluster.breakWatches()
    clock.advance(800)
    clock.advance(120_000)
    cluster.breakWatches()
    await create('a')
    clock.advance(800)
    t.same(names(), ['a'])
  })

  t.test('lists later when the API server is away at its start', async (t) => {
    const { clock, cluster, informer, create, names } = watching(t, 0, () => 0)
    cluster.away = true
    informer.start()
    t.notOk(informer.synced)
    cluster.away = false
    await create('a')
    clock.advance(800)
    t.same(names(), ['a'])
  })
  t.end()
})
