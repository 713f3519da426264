import t from 'tap'
import { auditColumns } from '../../../src/commands/audit/columns.ts'
import { joined } from '../../../src/commands/audit/rows.ts'
import { table } from '../../../src/commands/table.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import type { AuditRecord } from '../../../src/observability/audit-record.ts'
import { run } from '../holdfast.ts'
import { widthOf } from '../../../src/text/wrap.ts'
import { record } from '../../observability/records.ts'

const change = 'evicting d2 of n1'

/** A decision so many seconds after noon. */
function at(seconds: number, parts: Partial<AuditRecord> = {}): AuditRecord {
  const time = new Date(Date.parse('2026-11-23T12:00:00.000Z') + seconds * 1_000).toISOString()
  return record({ time, uid: `request-${seconds}`, change, ...parts })
}

const admitted: Partial<AuditRecord> = { verdict: 'allow', findings: [], waitedMs: 9_000 }

t.test('a kubectl that waits through several requests is one row, its end included', (t) => {
  const held = [30, 61, 92].map((seconds) => at(seconds, { waitedMs: 30_000 }))
  const rows = joined([...held, at(102, admitted)])
  t.match(rows, [
    { count: 4, waitedMs: 102_000, rules: ['eviction-during-cleanup'], last: { verdict: 'allow' } },
  ])
  t.equal(rows.length, 1)
  t.end()
})

t.test('another user, object, change or cause is another row', (t) => {
  const others: Partial<AuditRecord>[] = [
    { actor: { user: 'bob', groups: [] } },
    { object: { kind: 'Node', name: 'n2' } },
    { change: 'evicting d1 of n1' },
    { dryRun: true },
    { verdict: 'refuse' },
    { override: { reason: 'disk on fire' }, verdict: 'allow' },
  ]
  for (const other of others) t.equal(joined([at(0), at(1, other)]).length, 2, JSON.stringify(other))
  t.end()
})

t.test('a wait is one row, though its cause changes, and has the rules of all', (t) => {
  const other = { findings: record().findings.map((each) => ({ ...each, rule: 'eviction-budget' })) }
  const rows = joined([at(0), at(30, other), at(60, admitted)])
  t.match(rows, [{ count: 3, rules: ['eviction-during-cleanup', 'eviction-budget'] }])
  t.equal(rows.length, 1)
  t.end()
})

t.test('denials of one change for different causes are different rows', (t) => {
  const denied = (rule: string): Partial<AuditRecord> => ({
    verdict: 'refuse',
    findings: record().findings.map((finding) => ({ ...finding, rule })),
  })
  const rules = ['last-usable-copy', 'copy-in-use', 'last-usable-copy']
  const rows = joined(rules.map((rule, seconds) => at(seconds, denied(rule))))
  t.match(rows, [
    { count: 1, rules: ['copy-in-use'] },
    { count: 2, rules: ['last-usable-copy'] },
  ])
  t.end()
})

t.test('the help says what a row joins', async (t) => {
  const { stdout } = await run(['audit', '--help'])
  t.match(
    stdout.replaceAll(/\s+/g, ' '),
    'joins equal denials, and a wait with its end though its cause may change',
  )
})

t.test('a wait that begins after another one has ended, or much later, is another row', (t) => {
  t.equal(joined([at(0), at(9, admitted), at(20), at(29, admitted)]).length, 2)
  t.equal(joined([at(0), at(601)]).length, 2)
  t.equal(joined([at(0), at(599), at(1_198)]).length, 1, 'the gaps count, not the whole')
  t.end()
})

t.test('repeated denials of a controller are counted up', (t) => {
  const parts = { verdict: 'refuse', change: 'removing the copy of ubuntu on d1 of n1' } as const
  const sums = [at(0, parts), at(10, { ...parts, count: 40, since: '2026-11-23T12:00:01.000Z' })]
  t.match(joined(sums), [{ count: 41, waitedMs: 0 }])
  t.end()
})

t.test('rows are in the order of their last decision', (t) => {
  const bob = { actor: { user: 'bob', groups: [] } }
  const rows = joined([at(0), at(10, bob), at(20)])
  t.strictSame(
    rows.map(({ last }) => last.actor.user),
    ['bob', 'ann'],
  )
  t.end()
})

t.test('a row says the change in words, and one of an older version in those of the API', (t) => {
  const old = record({ time: '2026-11-23T11:00:00.000Z', actor: { user: 'old', groups: [] } })
  const shown = table(auditColumns(false, coloursFor({}, {})), joined([old, at(0)]))
  t.match(shown, /old +UPDATE Node\/n1 +eviction-during-cleanup\n/)
  t.match(shown, /ann +evicting d2 of n1 +eviction-during-cleanup\n/)
  t.end()
})

t.test('the wide table fits a terminal: the reason stands below its row', (t) => {
  const account = 'system:serviceaccount:longhorn-system:longhorn-service-account'
  const rows = joined([at(0, { actor: { user: account, groups: [] } })])
  const shown = table(auditColumns(true, coloursFor({}, {})), rows, { width: 100 })
  t.ok(
    shown.split('\n').every((line) => widthOf(line) <= 100),
    shown,
  )
  t.match(shown, /^ {4}evicting d2 of n1 has to wait: /m)
  t.end()
})
