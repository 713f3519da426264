import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { read } from '../docs/pages.ts'
import { cache } from '../e2e/binaries.ts'
import { root } from '../fixtures/root.ts'

const folder = '.github/workflows'
const files = readdirSync(join(root, folder)).map((name) => join(folder, name))

/** The one on the PATH, or that which `npm run test:e2e:prepare` has built. */
const actionlint = ['actionlint', join(cache, 'actionlint')].find(
  (path) => spawnSync(path, ['--version']).status === 0,
)
const skip = actionlint === undefined ? 'there is no actionlint: npm run test:e2e:prepare builds it' : false

t.test('actionlint finds nothing in the workflows', { skip }, (t) => {
  // The other linters that it calls differ from machine to machine.
  const args = ['-no-color', '-shellcheck=', '-pyflakes=', ...files]
  const { status, stdout, stderr } = spawnSync(actionlint ?? '', args, { cwd: root, encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
  t.end()
})

t.test('actionlint would find a mistake', { skip }, (t) => {
  const path = join(
    t.testdir({ 'wrong.yml': 'on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    step: []\n' }),
    'wrong.yml',
  )
  t.equal(spawnSync(actionlint ?? '', [path]).status, 1)
  t.end()
})

t.test('every action has a version, and every file that a step runs is there', (t) => {
  for (const file of files) {
    const text = read(file)
    for (const [, action = ''] of text.matchAll(/uses: (\S+)/g))
      t.match(action, /^(\.\/.+|[\w.-]+\/[\w.-]+@v?\d.*)$/, `${file}: ${action}`)
    for (const [, path = ''] of text.matchAll(/(?:node|bash) (\.[\w./-]+)/g))
      t.ok(existsSync(join(root, path)), `${file}: ${path}`)
    t.match(
      parse(text),
      { permissions: { contents: 'read' } },
      `${file}: no right but to read, unless a job says so`,
    )
  }
  t.end()
})
