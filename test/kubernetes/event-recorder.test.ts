import t, { type Test } from 'tap'
import type { ObjectEvent } from '../../src/gate/ports.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { type EventLimits, EventRecorder } from '../../src/kubernetes/event-recorder.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { untilAborted } from '../fixtures/limits.ts'

const path = '/api/v1/namespaces/longhorn-system/events'
const signal = new AbortController().signal

function event(name: string, message = 'no', share = 'ann'): ObjectEvent {
  return { kind: 'Node', name, uid: `uid-${name}`, reason: 'EvictionDuringCleanup', message, share }
}

interface Listed {
  readonly items: readonly { readonly metadata: { readonly name: string }; readonly count: number }[]
}

async function recording(t: Test, limits: Partial<EventLimits> = {}) {
  const api = await ApiServer.start({})
  const client = connectTo(api.url)
  const writes: string[] = []
  let broken: 'fails' | 'hangs' | undefined
  const connection: Connection = {
    ...client,
    request: (request) => {
      writes.push(request.method)
      if (broken === 'fails') return Promise.reject(new Error('unreachable'))
      return broken === 'hangs' ? untilAborted(request.signal) : client.request(request)
    },
  }
  const clock = new FakeClock()
  const problems: unknown[] = []
  const recorder = new EventRecorder({
    connection,
    namespace: 'longhorn-system',
    replica: 'one',
    clock,
    onProblem: (error) => problems.push(error),
    limits,
  })
  t.teardown(async () => {
    await recorder.stop()
    client.close()
    await api.stop()
  })
  const events = async () => (await jsonRequest(client, { method: 'GET', path, signal })) as Listed
  /** Lets the next round come, with so many writes in all at its end. */
  const round = async (writesWanted: number, ms = 10_000): Promise<void> => {
    await eventually(() => clock.pending === 1, 'a round that is to come')
    clock.advance(ms)
    await eventually(() => writes.length >= writesWanted, `${writesWanted} writes`)
    await recorder.idle()
  }
  const fail = (now: boolean): void => void (broken = now ? 'fails' : undefined)
  const hang = (): void => void (broken = 'hangs')
  return { recorder, clock, writes, events, round, problems, fail, hang, client }
}

t.test('an Event is at its object, where kubectl describe looks for it', async (t) => {
  const { recorder, events, round } = await recording(t)
  recorder.record(event('n1', 'x'.repeat(2_000)))
  await round(1, 0)
  t.match((await events()).items, [
    {
      metadata: { namespace: 'longhorn-system', name: /^n1\./ },
      involvedObject: { apiVersion: 'longhorn.io/v1beta2', kind: 'Node', name: 'n1', uid: 'uid-n1' },
      type: 'Warning',
      reason: 'EvictionDuringCleanup',
      message: /^x{1023}…$/,
      count: 1,
      source: { component: 'holdfast', host: 'one' },
      firstTimestamp: '2026-11-23T12:00:00Z',
    },
  ])
})

t.test('50 refusals a second for a minute are one Event with their number, in a few writes', async (t) => {
  const { recorder, clock, events, writes } = await recording(t)
  for (let tick = 0; tick < 3_000; tick += 1) {
    recorder.record(event('n1', `refusal ${tick}`))
    const before = writes.length
    clock.advance(20)
    if (writes.length > before) await recorder.idle()
  }
  await recorder.stop()
  const { items } = await events()
  t.match(items, [{ count: 3_000, message: 'refusal 2999', lastTimestamp: '2026-11-23T12:00:59Z' }])
  t.ok(writes.length < 20, `${writes.length} writes`)
})

t.test('a repeat after ten minutes is another Event', async (t) => {
  const { recorder, clock, events, round } = await recording(t)
  recorder.record(event('n1'))
  await round(1, 0)
  clock.advance(600_000)
  recorder.record(event('n1'))
  await round(2)
  t.equal((await events()).items.length, 2)
})

t.test('an Event that the API server has deleted is created again', async (t) => {
  const { recorder, events, round, client } = await recording(t)
  recorder.record(event('n1'))
  await round(1, 0)
  const [old] = (await events()).items
  await jsonRequest(client, { method: 'DELETE', path: `${path}/${old?.metadata.name ?? ''}`, signal })
  recorder.record(event('n1'))
  await round(2)
  await round(3)
  t.match((await events()).items, [{ count: 2 }])
})

t.test('a failed Event is reported once, kept, and written later', async (t) => {
  const { recorder, events, round, problems, fail } = await recording(t)
  fail(true)
  recorder.record(event('n1'))
  recorder.record(event('n2'))
  await round(2, 0)
  await round(4)
  t.match(problems, [{ message: 'unreachable' }])
  fail(false)
  await round(6)
  t.equal((await events()).items.length, 2)
  t.equal(problems.length, 1)
})

t.test('a client with many Events does not silence the others', async (t) => {
  const { recorder, events, round } = await recording(t, { maxSeries: 4, maxSeriesOfShare: 3 })
  for (const name of ['n1', 'n2', 'n3', 'n4']) recorder.record(event(name, 'no', 'mallory'))
  t.strictSame(recorder.dropped, { 'too-many': 1, 'not-written': 0 }, 'mallory has used up her share')
  recorder.record(event('n5', 'no', 'ann'))
  t.strictSame(recorder.dropped, { 'too-many': 1, 'not-written': 0 }, 'there is room for the Event of ann')
  recorder.record(event('n6', 'no', 'bob'))
  t.strictSame(
    recorder.dropped,
    { 'too-many': 1, 'not-written': 1 },
    'the Event of bob replaces the latest of mallory',
  )
  recorder.record(event('n7', 'no', 'ann'))
  t.strictSame(
    recorder.dropped,
    { 'too-many': 2, 'not-written': 1 },
    'no user has at least two Events more than ann',
  )
  await round(4, 0)
  const objects = (await events()).items.map(({ metadata: { name } }) => name.split('.')[0])
  t.strictSame(objects.toSorted(), ['n1', 'n2', 'n5', 'n6'])
})

t.test('remembered Events are bounded, and dropped ones are counted', async (t) => {
  const { recorder, clock, events, round, fail } = await recording(t, { maxSeries: 2 })
  fail(true)
  for (const name of ['n1', 'n2', 'n3', 'n4']) recorder.record(event(name))
  t.strictSame(recorder.dropped, { 'too-many': 2, 'not-written': 0 })
  await round(2, 0)
  clock.advance(600_000)
  recorder.record(event('n5'))
  t.strictSame(recorder.dropped, { 'too-many': 2, 'not-written': 2 })
  await recorder.idle()
  fail(false)
  await recorder.stop()
  t.match((await events()).items, [{ involvedObject: { name: 'n5' } }])
})

t.test('a write that hangs does not make stopping longer than it may take', async (t) => {
  // Without an end to the write, this would take ten minutes.
  const { recorder, clock, writes, hang } = await recording(t, { flushMs: 1, writeMs: 600_000 })
  hang()
  recorder.record(event('n1'))
  clock.advance(0)
  await eventually(() => writes.length === 1, 'a write')
  await recorder.stop()
})
