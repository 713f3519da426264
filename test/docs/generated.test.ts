import t from 'tap'
import { flagOf } from '../../src/commands/options/setting-options.ts'
import { settingNames } from '../../src/configuration/settings.ts'
import { ruleNames } from '../../src/rules/finding.ts'
import { chartValues } from './chart-values.ts'
import { partsOf, withParts, writeParts } from './generated.ts'
import { pages, read, rowsOf } from './pages.ts'

t.test('the generated parts of the docs match the program', async (t) => {
  const written = await writeParts()
  const found = new Set<string>()
  for (const page of pages) {
    for (const [name, body] of partsOf(read(page))) {
      found.add(name)
      t.equal(body, written.get(name), `${page}: ${name}; npm run docs:generate writes it anew`)
    }
  }
  t.strictSame(
    [...written.keys()].filter((name) => !found.has(name)),
    [],
    'each part is on a page',
  )
})

t.test('every setting is a row of docs/configuration.md, and every rule a section of docs/rules.md', (t) => {
  const flags = rowsOf('docs/configuration.md').map(([flag]) => flag)
  for (const name of settingNames) t.ok(flags.includes(`\`${flagOf(name)}\``), name)
  for (const name of ruleNames) t.match(read('docs/rules.md'), new RegExp(`^## ${name}$`, 'm'))
  t.end()
})

t.test('every value of the chart has a type, and a comment that explains it', (t) => {
  const values = chartValues()
  t.ok(values.length > 100, `${values.length} values`)
  for (const { path, type, meaning } of values) {
    t.ok(meaning.length > 7, `${path} has a comment right above it`)
    t.ok(type.length > 2, `${path} has a type in values.schema.json`)
  }
  t.end()
})

t.test('every command and every sub-command is a section of docs/cli.md', (t) => {
  const text = read('docs/cli.md')
  for (const name of ['serve', 'status', 'evict', 'rescue', 'schema', 'proxy', 'completion'])
    t.match(text, new RegExp(`^## holdfast ${name}$`, 'm'))
  for (const name of ['longhorn', 'kubernetes', 'point-ui'])
    t.match(text, new RegExp(`^### holdfast proxy ${name}$`, 'm'))
  t.end()
})

t.test('a part is written again and the rest of a page stays', (t) => {
  const page = 'a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n'
  t.equal(
    withParts(page, new Map([['x', 'new $1\n']])),
    'a\n<!-- generated: x -->\nnew $1\n<!-- end -->\nb\n',
  )
  t.throws(() => withParts(page, new Map()), /nothing writes the part x/)
  t.end()
})
