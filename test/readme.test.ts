import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flagOf, variableOf } from '../src/commands/setting-options.ts'
import { settingFacts, settingNames } from '../src/configuration/settings.ts'
import { profiles } from '../src/longhorn/profile.ts'
import { allRules } from '../src/rules/all-rules.ts'
import { ruleNames } from '../src/rules/finding.ts'
import { root } from './fixtures/root.ts'

const readme = readFileSync(`${root}/README.md`, 'utf8')
const manifest: unknown = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))

/** The cells of each table row. */
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

/** The row that begins with this cell. */
function row(first: string): string[] {
  return rows.find(([cell]) => cell === first) ?? []
}

t.test('every setting stands in README as it is', (t) => {
  for (const name of settingNames) {
    const { help, byDefault } = settingFacts[name]
    const wanted = [`\`${flagOf(name)}\``, `\`${variableOf(name)}\``, `\`${name}\``, help, byDefault]
    t.strictSame(row(`\`${flagOf(name)}\``), wanted, `| ${wanted.join(' | ')} |`)
  }
  t.end()
})

t.test('every rule stands in README with its effect on each profile', (t) => {
  t.strictSame(
    allRules.map(({ name }) => name),
    [...ruleNames],
    'each rule is asked, in the order of their names',
  )
  for (const { name, effects } of allRules) {
    const [, , ...cells] = row(`\`${name}\``)
    t.equal(cells.length, profiles.length, name)
    profiles.forEach((profile, index) => {
      const cell = cells[index] === 'same' ? cells[0] : cells[index]
      t.match(cell, new RegExp(`^${effects[profile]}\\b`), `${name} on ${profile}`)
    })
  }
  t.end()
})

t.test('every dependency stands in README with its reason', (t) => {
  const { dependencies } = manifest as { dependencies: Record<string, string> }
  const named = rows.flatMap(([cell, why = '']) => (why.length > 10 ? (cell ?? '').split(', ') : []))
  for (const name of Object.keys(dependencies)) t.ok(named.includes(name), name)
  t.end()
})

t.test('whoever is told to read the log reads that of every replica', (t) => {
  const told = ['README.md', ...['docs', 'charts', 'src'].flatMap(filesBelow)]
  t.ok(told.length > 100)
  for (const path of told)
    // kubectl reads one pod of a Deployment, and says so on standard error only.
    t.notMatch(
      readFileSync(join(root, path), 'utf8'),
      /kubectl[^\n]* logs [^\n]*deploy(?:ment)?s?\/|kubectl logs deploy/,
      path,
    )
  t.end()
})

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
}
