import { readdirSync, readFileSync } from 'node:fs'
import { ESLint, Linter } from 'eslint'
import t from 'tap'
import tseslint from 'typescript-eslint'
import { root } from './fixtures/root.ts'
import { rooms } from './lint/rooms.js'

const eslint = new ESLint({ cwd: root })
const linter = new Linter({ cwd: root })

/**
 * The lint errors of a file with this text by the project's own configuration, by rule name. Only the rules that keep the
 * order of imports run: the others need the types of the whole project.
 */
async function complaints(file: string, text: string): Promise<string[]> {
  const filename = `${root}/${file}`
  const { rules } = (await eslint.calculateConfigForFile(filename)) as { rules: Linter.RulesRecord }
  const restricting = Object.fromEntries(
    Object.entries(rules).filter(([name]) => name.startsWith('no-restricted-')),
  )
  const config = { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser }, rules: restricting }
  return linter.verify(text, [config], { filename }).map(({ ruleId }) => ruleId ?? 'fatal')
}

t.test('every folder of src is a room with a place in the order of imports', (t) => {
  const folders = readdirSync(`${root}/src`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  for (const folder of folders) t.ok(Object.hasOwn(rooms, folder), folder)
  t.end()
})

t.test('docs/architecture.md names every room, and no other', (t) => {
  const text = readFileSync(`${root}/docs/architecture.md`, 'utf8')
  const [, section = ''] = text.split('\n## Rooms\n')
  const [table = ''] = section.split('\n## ')
  const named = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, room]) => room)
  t.strictSame(named.toSorted(), Object.keys(rooms).toSorted())
  t.end()
})

t.test('an import that points upwards is an error', async (t) => {
  const found = await complaints('src/rules/judge.ts', "export { Gate } from '../gate/gate.ts'\n")
  t.match(found, ['no-restricted-imports'])
})

t.test('an import that points downwards is fine', async (t) => {
  const found = await complaints('src/rules/judge.ts', "export { profileOf } from '../longhorn/profile.ts'\n")
  t.notMatch(found, ['no-restricted-imports'])
})

t.test('a pure room has no clock, no timer and no I/O', async (t) => {
  t.match(await complaints('src/rules/judge.ts', 'export const now = Date.now()\n'), [
    'no-restricted-properties',
  ])
  t.match(await complaints('src/disk-map/disk-map.ts', 'setTimeout(() => 1)\n'), ['no-restricted-globals'])
  t.match(await complaints('src/longhorn/node.ts', "export { readFile } from 'node:fs'\n"), [
    'no-restricted-imports',
  ])
})

t.test('a pure room reads no file', async (t) => {
  const reading = "export { readBounded } from '../text/bounded-file.ts'\n"
  t.match(await complaints('src/rules/judge.ts', reading), ['no-restricted-imports'])
  t.match(await complaints('src/text/yaml.ts', "export { readBounded } from './bounded-file.ts'\n"), [
    'no-restricted-imports',
  ])
  t.notMatch(await complaints('src/tls/folder.ts', reading), ['no-restricted-imports'])
})

t.test('the pure files of a command have no clock either, and those beside them may', async (t) => {
  const readingTheClock = 'export const now = Date.now()\n'
  t.match(await complaints('src/commands/evict/plan.ts', readingTheClock), ['no-restricted-properties'])
  t.match(await complaints('src/commands/evict/one-more.ts', readingTheClock), ['no-restricted-properties'])
  t.strictSame(await complaints('src/commands/evict/command.ts', readingTheClock), [])
})
