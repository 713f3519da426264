import t from 'tap'
import { openReports, policyReports } from '../../fixtures/report-definitions.ts'
import { FakeReportServer } from './fake-report-server.ts'
import { type Choice, denial, hour, replica, reporting } from './reporting.ts'

t.test('a denial is a result of the one report in Longhorn’s namespace', async (t) => {
  const { server, writer, round } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  t.match(server.report, {
    apiVersion: 'openreports.io/v1alpha1',
    kind: 'Report',
    metadata: {
      name: 'holdfast',
      namespace: 'longhorn-system',
      labels: { 'app.kubernetes.io/managed-by': 'holdfast' },
    },
    source: 'holdfast',
    summary: { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 },
    results: [
      {
        source: 'holdfast',
        policy: 'holdfast',
        rule: 'eviction-during-cleanup',
        category: 'manager crash',
        result: 'fail',
        severity: 'medium',
        scored: true,
        message: 'evicting node-1 has to wait',
        timestamp: { seconds: Date.parse('2026-11-23T12:00:00Z') / 1_000, nanos: 0 },
        resources: [
          {
            apiVersion: 'longhorn.io/v1beta2',
            kind: 'Node',
            name: 'node-1',
            namespace: 'longhorn-system',
          },
        ],
        properties: {
          resultID: `node-1-${Date.parse('2026-11-23T12:00:00Z') / 1_000}`,
          user: 'ann',
          effect: 'hold',
          since: '2026-11-23T12:00:00.000Z',
          count: '1',
        },
      },
    ],
  })
})

t.test('the kind of report is the one that the API server serves, OpenReports first', async (t) => {
  const kindOf = async (choice: Choice): Promise<unknown> => {
    const { server, writer, round } = reporting(t, choice)
    writer.record(denial('node-1'))
    await round(0)
    return server.report.apiVersion
  }
  t.equal(await kindOf({ serves: [policyReports] }), 'wgpolicyk8s.io/v1alpha2')
  t.equal(await kindOf({ serves: [policyReports, openReports] }), 'openreports.io/v1alpha1')
  const both = [policyReports, openReports]
  t.equal(await kindOf({ serves: both, choice: 'policyreport' }), 'wgpolicyk8s.io/v1alpha2')
  t.equal(await kindOf({ serves: both, choice: 'openreports' }), 'openreports.io/v1alpha1')
})

t.test('repetitions count on one result, and after ten minutes they are another', async (t) => {
  const { server, writer, clock, round } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  writer.record(denial('node-1', { count: 7, at: clock.now() + 5_000, message: 'later words' }))
  await round()
  t.match(server.report.results, [
    {
      message: 'later words',
      timestamp: { seconds: (clock.now() - 5_000) / 1_000 },
      properties: { count: '8' },
    },
  ])
  t.equal(server.report.results.length, 1)
  writer.record(denial('node-1', { at: clock.now() + 700_000 }))
  await round()
  const ids = server.report.results.map(({ properties }) => properties.resultID)
  t.equal(new Set(ids).size, 2)
  t.match(server.report.results[0]?.properties, { count: '1' })
})

t.test('fifty denials a second are one write in ten seconds', async (t) => {
  const { server, writer, clock, round } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  const before = server.requests.length
  for (let tick = 0; tick < 3_000; tick += 1) {
    writer.record(denial('node-1', { at: clock.now() }))
    clock.advance(20)
    await writer.idle()
  }
  t.ok(server.requests.length - before <= 6, `${server.requests.length - before} requests in a minute`)
})

t.test('replicas share the report, and neither loses what the other has written', async (t) => {
  const server = new FakeReportServer(openReports)
  const [one, other] = [replica(t, server), replica(t, server)]
  one.writer.record(denial('node-1'))
  other.writer.record(denial('node-2'))
  await one.round(0)
  await other.round(0)
  one.writer.record(denial('node-2', { count: 2 }))
  await one.round()
  const found = server.report.results.map(({ message, properties }) => `${message}: ${properties.count}`)
  t.strictSame(found.toSorted(), ['evicting node-1 has to wait: 1', 'evicting node-2 has to wait: 3'])
})

t.test('a report that changes between reading and writing is read again', async (t) => {
  const server = new FakeReportServer(openReports)
  const [one, other] = [replica(t, server), replica(t, server)]
  one.writer.record(denial('node-1'))
  await one.round(0)
  let turns = 0
  server.before = () => {
    server.before = () => undefined
    turns += 1
    other.writer.record(denial('node-2'))
    other.clock.advance(0)
  }
  one.writer.record(denial('node-3'))
  await one.round()
  await other.writer.idle()
  t.equal(turns, 1)
  t.equal(server.report.results.length, 3)
  t.strictSame([one.problems, other.problems], [[], []])
})

t.test('a result goes when it is too old, without another denial', async (t) => {
  const { server, writer, clock, round } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  await round(23 * hour)
  writer.record(denial('node-2', { at: clock.now() }))
  await round()
  t.equal(server.report.results.length, 2)
  await round(hour)
  t.match(server.report.results, [{ message: 'evicting node-2 has to wait' }])
  t.equal(server.report.results.length, 1)
  await round(24 * hour)
  t.match(server.report, { results: [], summary: { fail: 0 } })
})

t.test('a starting replica removes results that are too old', async (t) => {
  const server = new FakeReportServer(openReports)
  const before = replica(t, server)
  before.writer.record(denial('node-1', { at: before.clock.now() - 25 * hour + 1_000 }))
  before.writer.record(denial('node-2'))
  await before.round(0)
  const late = replica(t, server)
  late.clock.advance(hour)
  late.writer.start()
  await late.round(0)
  t.match(server.report.results, [{ message: 'evicting node-2 has to wait' }])
  t.equal(server.report.results.length, 1)
})

t.test('the oldest results go where there are too many, or they are too large', async (t) => {
  const { server, writer, clock, round } = reporting(t, { results: 3 })
  for (let at = 0; at < 5; at += 1)
    writer.record(denial(`node-${at}`, { at: clock.now() + at * 1_000, severity: 'low' }))
  await round(0)
  t.strictSame(
    server.report.results.map(({ message }) => message),
    [4, 3, 2].map((at) => `evicting node-${at} has to wait`),
  )
  const small = reporting(t, { bytes: 2_000 })
  for (let at = 0; at < 5; at += 1)
    small.writer.record(denial(`node-${at}`, { at: clock.now() + at * 1_000, message: 'x'.repeat(400) }))
  await small.round(0)
  t.match(small.server.report.results.length, 2)
})

t.test('a report that somebody deletes is made again', async (t) => {
  const { server, writer, round, problems } = reporting(t)
  writer.record(denial('node-1'))
  await round(0)
  server.stored.clear()
  writer.record(denial('node-2'))
  await round()
  t.match(server.report.results, [{ message: 'evicting node-2 has to wait' }])
  t.strictSame(problems, [])
})

t.test('the writer writes the waiting results when it stops', async (t) => {
  const { server, writer } = reporting(t)
  writer.record(denial('node-1'))
  await writer.stop()
  t.equal(server.report.results.length, 1)
  writer.record(denial('node-2'))
  t.equal(server.report.results.length, 1)
})
