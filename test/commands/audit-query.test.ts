import { Readable } from 'node:stream'
import t from 'tap'
import { type AuditFilter, matches, recordIn, recordsIn, summarise } from '../../src/commands/audit/query.ts'
import { record } from '../observability/records.ts'

t.test('filters', (t) => {
  const table: [filter: AuditFilter, matching: boolean][] = [
    [{}, true],
    [{ node: 'n1' }, true],
    [{ node: 'n2' }, false],
    [{ image: 'ubuntu' }, true],
    [{ image: 'debian' }, false],
    [{ user: 'ann' }, true],
    [{ user: 'an' }, false],
    [{ rule: 'eviction-during-cleanup' }, true],
    [{ rule: 'copy-in-use' }, false],
    [{ verdict: 'hold' }, true],
    [{ verdict: 'refuse' }, false],
    [{ since: Date.parse('2026-11-23T12:00:00Z') }, true],
    [{ since: Date.parse('2026-11-23T12:00:01Z') }, false],
    [{ node: 'n1', user: 'bob' }, false],
  ]
  for (const [filter, matching] of table) t.equal(matches(record(), filter), matching, JSON.stringify(filter))
  const ofSource = record({ object: { kind: 'BackingImageDataSource', name: 'debian' }, findings: [] })
  t.equal(matches(ofSource, { image: 'debian' }), true, 'a data source has the name of its image')
  t.equal(matches(ofSource, { node: 'debian' }), false)
  t.end()
})

t.test('records are found among other lines, whatever the chunks', async (t) => {
  const line = JSON.stringify({ level: 40, ...record({ uid: 'ä1' }), msg: 'change held back' })
  const text = `{"level":30,"msg":"listening"}\n[pod/holdfast-1] ${line}\nnot JSON "holdfast.dev/audit/v1"\n{"schema":"holdfast.dev/audit/v1"}\n${line.slice(0, 40)}\n${line}`
  const bytes = Buffer.from(text)
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7))
  }
  const found = []
  for await (const each of recordsIn(chunks())) found.push(each.uid)
  t.strictSame(found, ['ä1', 'ä1'])
  t.equal(recordIn('plain'), undefined)
})

t.test('a summary counts decisions by user and rule, most frequent first', (t) => {
  const lines = summarise([
    record({ time: '2026-11-23T12:00:05Z' }),
    record({ time: '2026-11-23T12:00:20Z', since: '2026-11-23T12:00:10Z', count: 40 }),
    record({ time: '2026-11-23T12:00:01Z' }),
    record({
      actor: { user: 'bob', groups: [] },
      verdict: 'unavailable',
      why: 'not-confirmed',
      findings: [],
    }),
  ])
  t.strictSame(lines, [
    {
      user: 'ann',
      rule: 'eviction-during-cleanup',
      verdict: 'hold',
      count: 42,
      first: '2026-11-23T12:00:01Z',
      last: '2026-11-23T12:00:20Z',
    },
    {
      user: 'bob',
      rule: 'not-confirmed',
      verdict: 'unavailable',
      count: 1,
      first: '2026-11-23T12:00:00.000Z',
      last: '2026-11-23T12:00:00.000Z',
    },
  ])
  t.end()
})

t.test('a line that is too long for a record is passed over, and what follows it is read', async (t) => {
  const line = JSON.stringify(record({ uid: 'r1' }))
  const parts = [
    `${line}\n`,
    ...Array.from({ length: 40 }, () => 'x'.repeat(64 * 1024)),
    `${line}\n${line}\n`,
  ]
  const found = []
  for await (const each of recordsIn(Readable.from(parts))) found.push(each.uid)
  t.strictSame(found, ['r1', 'r1'], 'the one that follows it on the same line is part of it')
  const endless = async function* () {
    for (let kept = 0; kept < 260; kept += 1) yield await Promise.resolve('x'.repeat(2 * 1024 * 1024))
    yield `\n${line}`
  }
  const after = []
  for await (const each of recordsIn(endless())) after.push(each.uid)
  t.strictSame(after, ['r1'], 'longer than any text of JavaScript')
})
