import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { policyReports } from '../../fixtures/report-definitions.ts'
import type { FakeReportServer } from './fake-report-server.ts'
import { denial, hour, reporting } from './reporting.ts'

t.test('the writer reports a failing API server once, and writes the waiting results later', async (t) => {
  const { server, writer, problems, round } = reporting(t)
  server.failing = 503
  for (const key of ['node-1', 'node-2', 'node-1']) {
    writer.record(denial(key))
    await round()
  }
  t.match(problems, [/^0 .*503/])
  t.equal(problems.length, 1)
  server.failing = undefined
  await round()
  t.strictSame(server.report.results.map(({ properties }) => properties.count).toSorted(), ['1', '2'])
})

t.test('a result that became too old goes once the API server answers again', async (t) => {
  const { server, writer, round } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  server.failing = 503
  await round(24 * hour)
  server.failing = undefined
  await round()
  t.strictSame(server.report.results, [])
})

t.test('a repetition that comes during a failing write counts on the same result', async (t) => {
  const { server, writer, round } = reporting(t)
  server.failing = 503
  server.onRequest = () => {
    server.onRequest = () => undefined
    writer.record(denial('node-1'))
  }
  writer.record(denial('node-1'))
  await round(0)
  server.failing = undefined
  await round()
  t.match(server.report.results, [{ properties: { count: '2' } }])
})

t.test('a write that hangs does not make stopping longer than it may take', async (t) => {
  // Without an end to the write, this would take ten minutes.
  const { server, writer, clock } = reporting(t, { flushMs: 1, writeMs: 600_000 })
  server.hangs = true
  writer.record(denial('node-1'))
  clock.advance(0)
  await eventually(() => server.requests.length > 0, 'a request')
  await writer.stop()
})

t.test('more results than may wait are dropped and counted', async (t) => {
  const { server, writer, round } = reporting(t, { waiting: 2 })
  server.failing = 500
  for (let at = 0; at < 10; at += 1) writer.record(denial(`node-${at}`))
  t.match(writer.dropped, { 'too-many': 8 })
  await round(0)
  t.match(writer.dropped, { 'too-many': 8 }, 'the two results of the failed write wait again')
})

t.test('results of a failed write that find no room any more are dropped and counted', async (t) => {
  const { server, writer, round } = reporting(t, { waiting: 2 })
  server.failing = 500
  server.onRequest = () => {
    server.onRequest = () => undefined
    for (const key of ['node-3', 'node-1']) writer.record(denial(key))
  }
  for (const key of ['node-1', 'node-2']) writer.record(denial(key))
  await round(0)
  t.match(writer.dropped, { 'too-many': 1 }, 'node-2')
  server.failing = undefined
  await round()
  const found = server.report.results.map(({ message, properties }) => `${message}: ${properties.count}`)
  t.strictSame(found.toSorted(), ['evicting node-1 has to wait: 2', 'evicting node-3 has to wait: 1'])
})

t.test('the first write that succeeds again says how many results were lost meanwhile', async (t) => {
  const { server, writer, news, round } = reporting(t, { waiting: 2 })
  server.failing = 500
  for (let at = 0; at < 5; at += 1) writer.record(denial(`node-${at}`))
  await round(0)
  t.strictSame(news, [])
  server.failing = undefined
  await round()
  t.strictSame(news, ['recovered, 3 lost'])
  server.failing = 500
  writer.record(denial('node-1'))
  await round()
  server.failing = undefined
  await round()
  t.strictSame(news.slice(1), ['recovered, 0 lost'])
})

t.test('a write says how many results were dropped before it, without a problem', async (t) => {
  const { writer, news, round } = reporting(t, { waiting: 2 })
  for (let at = 0; at < 5; at += 1) writer.record(denial(`node-${at}`))
  await round(0)
  t.strictSame(news, ['3 lost'])
  writer.record(denial('node-1'))
  await round()
  t.strictSame(news, ['3 lost'])
})

t.test('a writer that stops says how many results it could not write', async (t) => {
  const { server, writer, news, problems } = reporting(t)
  server.failing = 503
  for (const key of ['node-1', 'node-2']) writer.record(denial(key))
  await writer.stop()
  t.match(writer.dropped, { 'not-written': 2 })
  t.strictSame([news, problems.length], [['2 lost'], 1])
})

t.test('results that the API server rejects do not stand in the way of others', async (t) => {
  const { server, writer, problems, round } = reporting(t)
  writer.record(denial('odd', { category: 1 as unknown as string }))
  await round(0)
  t.match([problems, writer.dropped], [[/422/], { rejected: 1 }])
  writer.record(denial('node-1'))
  await round()
  t.equal(server.report.results.length, 1)
})

/** Another replica writes the report before each of so many writes. */
function outpaced(server: FakeReportServer, times: number): void {
  let left = times
  server.before = () => {
    if (left === 0) return
    left -= 1
    for (const [key, report] of server.stored) {
      const metadata = { ...report.metadata, resourceVersion: `other-${left}` }
      server.stored.set(key, { ...report, metadata })
    }
  }
}

t.test('a write that is late four times in a row succeeds, and the writer gives up the fifth', async (t) => {
  for (const late of [4, 5]) {
    const { server, writer, problems, round } = reporting(t)
    writer.record(denial('node-1'))
    await round(0)
    const before = server.requests.length
    outpaced(server, late)
    writer.record(denial('node-2'))
    await round()
    const writes = server.requests.slice(before).filter((request) => request.startsWith('PATCH'))
    t.equal(writes.length, 5, `late ${late} times`)
    t.match(problems, late === 4 ? [] : [/409/])
    t.equal(problems.length, late === 4 ? 0 : 1)
    t.equal(server.report.results.length, late === 4 ? 2 : 1)
    await round()
    t.equal(server.report.results.length, 2)
  }
})

t.test(
  'a result that stays for two months is waited for in steps that a timer of Node can take',
  async (t) => {
    const { server, writer, clock, round } = reporting(t, { keepMs: 60 * 24 * hour })
    const given: number[] = []
    const setTimer = clock.setTimer.bind(clock)
    clock.setTimer = (ms, fire) => {
      given.push(ms)
      return setTimer(ms, fire)
    }
    writer.record(denial('node-1'))
    await round(0)
    for (const days of [24, 24]) await round(days * 24 * hour)
    t.equal(server.report.results.length, 1)
    await round(12 * 24 * hour)
    t.equal(server.report.results.length, 0)
    t.ok(
      given.every((ms) => ms < 2 ** 31),
      `${Math.max(...given)} ms is the longest`,
    )
  },
)

t.test('a missing kind is a problem at the start, and is looked for again', async (t) => {
  for (const choice of ['auto', 'policyreport'] as const) {
    const { server, writer, problems, round } = reporting(t, { serves: [], choice })
    writer.start()
    await round(0)
    t.match(problems, [/does not serve .*PolicyReport of wgpolicyk8s.io\/v1alpha2: install its definition/])
    writer.record(denial('node-1'))
    await round()
    server.serve(policyReports)
    await round()
    t.match(server.report, { kind: 'PolicyReport', results: [{}] })
  }
})
