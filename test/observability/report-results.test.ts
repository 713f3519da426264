import t from 'tap'
import type { ReportedResult } from '../../src/gate/report-port.ts'
import { ReportRecords } from '../../src/observability/report-results.ts'
import { ruleNames } from '../../src/rules/finding.ts'
import type { AuditRecord } from '../../src/observability/audit-record.ts'
import { record } from './records.ts'

function resultsOf(...records: readonly AuditRecord[]): ReportedResult[] {
  const results: ReportedResult[] = []
  const sink = {
    record: (result: ReportedResult) => void results.push(result),
    stop: () => Promise.resolve(),
  }
  const reported = new ReportRecords(sink)
  for (const each of records) reported.write(each)
  return results
}

const [finding] = record().findings

t.test('a request that had to wait is a failure of medium severity, with its user and advice', (t) => {
  t.match(resultsOf(record({ count: 7 })), [
    {
      key: /^[0-9a-f]{16}$/,
      rule: 'eviction-during-cleanup',
      category: 'manager crash',
      result: 'fail',
      severity: 'medium',
      message: /^evicting d2 of n1 has to wait: /,
      object: { kind: 'Node', name: 'n1' },
      count: 7,
      at: Date.parse('2026-11-23T12:00:00.000Z'),
      properties: {
        effect: 'hold',
        next: 'The eviction is allowed as soon as the clean-up ends.',
        node: 'n1',
        disk: 'd1',
        diskUUID: 'uuid-d1',
        image: 'ubuntu',
        user: 'ann',
        operation: 'UPDATE',
        door: 'webhook',
        replica: 'holdfast-1',
        longhorn: 'v1.8.0',
      },
    },
  ])
  t.end()
})

t.test('a denial is a failure of high severity, a warning is a warning', (t) => {
  if (!finding) throw new Error('the record has a finding')
  const of = (effect: 'refuse' | 'warn', verdict: AuditRecord['verdict']) =>
    resultsOf(record({ verdict, findings: [{ ...finding, rule: 'last-usable-copy', effect }] }))
  t.match(of('refuse', 'refuse'), [{ result: 'fail', severity: 'high', category: 'data loss' }])
  t.match(of('warn', 'allow'), [{ result: 'warn', severity: 'low' }])
  t.end()
})

t.test('the result of an override has its reason', (t) => {
  if (!finding) throw new Error('the record has a finding')
  const granted = record({
    verdict: 'allow',
    override: { reason: 'the disk is failing' },
    findings: [{ ...finding, effect: 'warn' }],
  })
  t.match(resultsOf(granted), [{ result: 'warn', properties: { override: 'the disk is failing' } }])
  t.end()
})

t.test('a request that could not be judged is an error of high severity', (t) => {
  const unjudged = record({ verdict: 'unavailable', why: 'disk-map-too-old', findings: [] })
  t.match(resultsOf(unjudged), [
    {
      rule: 'disk-map-too-old',
      result: 'error',
      severity: 'high',
      message: 'the UPDATE of Node n1 could not be judged, so it was denied',
    },
  ])
  t.end()
})

t.test('findings of one rule are one result', (t) => {
  if (!finding) throw new Error('the record has a finding')
  const many = Array.from({ length: 50 }, () => finding)
  const results = resultsOf(
    record({ findings: [...many, { ...finding, rule: 'copy-in-use', effect: 'refuse' }] }),
  )
  t.match(results, [
    { rule: 'eviction-during-cleanup', message: /And 49 more of this kind\.$/ },
    { rule: 'copy-in-use' },
  ])
  t.equal(results.length, 2)
  t.end()
})

t.test('equal denials have one key, whatever their times; others have keys of their own', (t) => {
  const keys = resultsOf(
    record(),
    record({ time: '2026-11-24T12:00:00.000Z', uid: 'another', replica: 'holdfast-2' }),
    record({ actor: { user: 'bob', groups: [] } }),
    record({ object: { kind: 'Node', name: 'n2' } }),
    record({ operation: 'DELETE' }),
  ).map(({ key }) => key)
  t.equal(keys[0], keys[1])
  t.equal(new Set(keys).size, 4)
  t.end()
})

t.test('dry runs, and requests that pass in silence, are no results', (t) => {
  t.strictSame(resultsOf(record({ dryRun: true })), [])
  t.strictSame(resultsOf(record({ verdict: 'allow', findings: [], waitedMs: 10 })), [])
  t.strictSame(resultsOf(record({ verdict: 'allow', findings: [], mark: 'uninstalling' })), [])
  t.end()
})

t.test('every rule has a category, and a rule of a newer version has one too', (t) => {
  if (!finding) throw new Error('the record has a finding')
  for (const rule of ruleNames)
    t.not(resultsOf(record({ findings: [{ ...finding, rule }] }))[0]?.category, 'other', rule)
  t.match(resultsOf(record({ findings: [{ ...finding, rule: 'toString' }] })), [{ category: 'other' }])
  t.end()
})
