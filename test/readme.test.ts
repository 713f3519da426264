import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { profiles } from '../src/longhorn/releases.ts'
import { ruleNames } from '../src/rules/finding.ts'
import { allRules } from '../src/rules/judge.ts'
import { read, rowsOf } from './docs/pages.ts'
import { root } from './fixtures/root.ts'

const manifest: unknown = JSON.parse(read('package.json'))

t.test('README is a front page of at most 200 lines, and names the command that tests', (t) => {
  const lines = read('README.md').trimEnd().split('\n')
  t.ok(lines.length <= 200, `${lines.length} lines`)
  t.match(read('README.md'), 'npm test')
  t.end()
})

t.test('README lists every rule in order', (t) => {
  const rules = rowsOf('README.md').flatMap(([cell = '', what = '']) =>
    ruleNames.some((name) => cell === `\`${name}\``) && what.length > 20 ? [cell] : [],
  )
  t.strictSame(
    rules,
    ruleNames.map((name) => `\`${name}\``),
  )
  t.end()
})

t.test('docs/rules.md lists every rule with its effect on each profile', (t) => {
  t.strictSame(
    allRules.map(({ name }) => name),
    [...ruleNames],
    'each rule is asked, in the order of their names',
  )
  const rows = rowsOf('docs/rules.md')
  for (const { name, effects } of allRules) {
    const [, , ...cells] = rows.find(([cell]) => cell === `\`${name}\``) ?? []
    t.equal(cells.length, profiles.length, name)
    profiles.forEach((profile, index) => {
      const cell = cells[index] === 'same' ? cells[0] : cells[index]
      t.match(cell, new RegExp(`^${effects[profile]}\\b`), `${name} on ${profile}`)
    })
  }
  t.end()
})

t.test('CONTRIBUTING lists every package that the sources import, with its reason', (t) => {
  const imported = filesBelow('src').flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    return [...text.matchAll(/(?:from |import |import\()'((?:@[^/']+\/)?[^./'][^/']*)/g)]
  })
  const packages = new Set(imported.flatMap(([, name = '']) => (name.startsWith('node:') ? [] : [name])))
  t.ok(packages.size > 10)
  const named = rowsOf('CONTRIBUTING.md').flatMap(([cell, why = '']) =>
    why.length > 10 ? (cell ?? '').split(', ') : [],
  )
  for (const name of packages) t.ok(named.includes(name), name)
  t.end()
})

t.test('package.json says where the project lives, and CHANGELOG has a section for its version', (t) => {
  const { version, repository, homepage, bugs, keywords } = manifest as Record<string, unknown>
  const { url } = repository as { url: string }
  const home = url.replace(/^git\+/, '').replace(/\.git$/, '')
  t.match(home, /^https:\/\/github\.com\//)
  t.strictSame([homepage, bugs], [`${home}#readme`, `${home}/issues`])
  t.ok(Array.isArray(keywords) && keywords.includes('longhorn'))
  t.match(read('CHANGELOG.md'), new RegExp(`^## ${String(version).replaceAll('.', '\\.')}`, 'm'))
  t.end()
})

t.test('docs, chart and messages name commands that read the log of every replica', (t) => {
  const files = ['README.md', 'CONTRIBUTING.md', ...['docs', 'charts', 'src'].flatMap(filesBelow)]
  t.ok(files.length > 100)
  for (const path of files)
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
