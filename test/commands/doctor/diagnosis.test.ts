import t from 'tap'
import { diagnose, text } from '../../../src/commands/doctor/diagnosis.ts'
import { checkNames } from '../../../src/commands/doctor/finding.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { allKinds, facts, forbidden, registered } from './facts.ts'

const plain = coloursFor({}, {})

t.test('each check of a healthy cluster is ok', (t) => {
  const { findings, summary, ...document } = diagnose(facts())
  t.strictSame(document, {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Diagnosis',
    observedAt: '2026-01-01T12:00:00.000Z',
  })
  t.strictSame(summary, { ok: checkNames.length, warn: 0, error: 0, unknown: 0 })
  t.strictSame(
    findings.map(({ check }) => check),
    [...checkNames],
  )
  t.end()
})

t.test('an unreadable fact is unknown with the reason, in each check, and never ok', (t) => {
  const { rights } = facts()
  const { findings, summary } = diagnose(
    facts({
      map: forbidden,
      definitions: allKinds.map((kind) => ({ kind, looked: forbidden })),
      registration: forbidden,
      certificate: forbidden,
      rights: rights.map(({ right }) => ({ right, allowed: forbidden })),
      deployments: forbidden,
      pods: forbidden,
      policies: forbidden,
      dryRun: forbidden,
      book: forbidden,
      anchor: forbidden,
      books: forbidden,
      leases: forbidden,
      clock: forbidden,
    }),
  )
  t.match(summary, { ok: 0, warn: 0, error: 0 })
  t.strictSame([...new Set(findings.map(({ check }) => check))], [...checkNames])
  for (const { check, why } of findings) t.equal(why, forbidden.problem, check)
  t.end()
})

t.test('every finding that is not ok says why it matters, and an error or warn what to do', (t) => {
  const { findings } = diagnose(
    facts({ registration: { seen: undefined }, pods: { seen: [] }, certificate: { seen: undefined } }),
  )
  for (const { level, why, remedy } of findings) {
    t.equal(why === null, level === 'ok')
    if (level === 'warn' || level === 'error') t.match(remedy, /(kubectl|helm|holdfast) /)
  }
  t.end()
})

t.test('a person reads a line for each finding, its reason and remedy below, and a summary', (t) => {
  const shown = text(
    diagnose(facts({ registration: { seen: registered({ failurePolicy: 'Ignore' }) }, book: forbidden })),
    plain,
  )
  t.match(shown, /^ok {7}release {7}Longhorn v1\.10\.0 does not crash/)
  t.match(
    shown,
    /\nwarn {5}registration {2}Webhook guard\.holdfast\.dev of \S+ holdfast has failurePolicy Ignore\.\n {9}why: While .*\n {9}do: {2}helm upgrade/,
  )
  t.match(
    shown,
    /\nunknown {2}reservations {2}The Leases in holdfast could not be read\.\n {9}why: ann is not/,
  )
  t.match(shown, /\n\n0 error, 1 warn, 1 unknown, 13 ok\n$/)
  t.match(text(diagnose(facts()), coloursFor({ isTTY: true }, {})), '\u001b[32mok     \u001b[39m')
  t.end()
})
