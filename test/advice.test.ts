import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { errors } from './advice/followed-errors.ts'
import { alerts, findings, type Followed } from './advice/followed.ts'
import { spokenAdvice, spokenErrors, type Spoken } from './advice/spoken.ts'
import { root } from './fixtures/root.ts'

/** All that tests say, to look for titles in. */
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.startsWith(join('advice', 'followed')))
  .map((path) => readFileSync(join(root, 'test', path), 'utf8'))

/** True if a test has this title, or a title that is put together has this in it. */
function isTest(title: string): boolean {
  return tests.some((text) =>
    [`'${title}'`, `"${title}"`, `\`${title}\``].some((each) => text.includes(each)),
  )
}

/** Compares what is said with what is followed, both ways. */
function compare(t: Test, spoken: readonly Spoken[], table: Followed): void {
  const used = new Set<string>()
  for (const { source, text } of spoken) {
    const rows = Object.keys(table[source] ?? {}).filter((beginning) => text.startsWith(beginning))
    // The longest, where one advice begins as another does.
    const [row] = rows.toSorted((a, b) => b.length - a.length)
    if (row === undefined) t.fail(`nobody follows this advice of src/${source}.ts: ${text}`)
    used.add(`${source}: ${row ?? ''}`)
  }
  for (const [source, rows] of Object.entries(table))
    for (const beginning of Object.keys(rows))
      t.ok(used.has(`${source}: ${beginning}`), `src/${source}.ts does not say: ${beginning}`)
}

t.test('every piece of advice in a finding is followed by a test', (t) => {
  const spoken = spokenAdvice()
  t.ok(spoken.length > 60, `${spoken.length} pieces`)
  compare(t, spoken, findings)
  t.end()
})

t.test('a test follows the advice of every error', (t) => {
  const spoken = spokenErrors()
  t.ok(spoken.length > 40, `${spoken.length} errors`)
  compare(t, spoken, errors)
  t.end()
})

t.test('every alert is followed by a test', (t) => {
  const rules = readFileSync(join(root, 'charts/holdfast/templates/prometheusrule.yaml'), 'utf8')
  const names = [...rules.matchAll(/- alert: (\w+)/g)].flatMap(([, name]) => name ?? [])
  t.strictSame(Object.keys(alerts).toSorted(), names.toSorted())
  t.end()
})

t.test('the tests that follow advice are there', (t) => {
  const rows = [...Object.values(findings), ...Object.values(errors), alerts].flatMap((each) =>
    Object.values(each),
  )
  for (const by of rows) if (typeof by === 'string') t.ok(isTest(by), by)
  t.end()
})
