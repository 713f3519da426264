import { readdirSync } from 'node:fs'
import { ESLint } from 'eslint'
import t from 'tap'
import { root } from './fixtures/root.ts'
import { rooms } from './lint/rooms.js'

const eslint = new ESLint({ cwd: root })

/** What the lint rules say of a file with this text, by rule name. */
async function complaints(filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath })
  return (result?.messages ?? []).map(({ ruleId }) => ruleId ?? 'fatal')
}

t.test('every folder of src is a room with a place in the order of imports', (t) => {
  const folders = readdirSync(`${root}/src`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  for (const folder of folders) t.ok(Object.hasOwn(rooms, folder), folder)
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
