import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { root } from '../fixtures/root.ts'
import { blocksOf, pages, read } from './pages.ts'

const blocks = pages.flatMap(blocksOf)
const shell = blocks
  .filter(({ language }) => language === 'sh')
  .map(({ text }) => text.replaceAll('\\\n', ' '))

/** The commands of all pages that begin with this word, each on one line. */
function commandsOf(program: string): string[] {
  return shell.flatMap((text) =>
    [...text.matchAll(new RegExp(`^\\s*${program} .*$`, 'gm'))].map(([line]) => line),
  )
}

t.test('every script of npm that the docs name is there', (t) => {
  const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const prose = pages.map(read).join('\n')
  const named = [...prose.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].flatMap(([, name]) => name ?? [])
  t.ok(named.length > 20)
  for (const name of named) t.ok(Object.hasOwn(manifest.scripts, name), `npm run ${name}`)
  t.match(read('README.md'), 'npm test')
  t.end()
})

t.test('every value of the chart that a helm command of the docs sets is there', (t) => {
  const values: unknown = parse(readFileSync(join(root, 'charts/holdfast/values.yaml'), 'utf8'))
  const sets = commandsOf('helm').flatMap((line) => [...line.matchAll(/--set(?:-file)? ([\w.]+)=/g)])
  t.ok(sets.length > 4)
  for (const [text, path = ''] of sets) {
    let at: unknown = values
    for (const key of path.split('.')) {
      t.ok(typeof at === 'object' && at !== null && Object.hasOwn(at, key), `${text}: ${key}`)
      at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined
    }
  }
  for (const line of commandsOf('helm')) {
    const [, chart] = /\b(charts\/\S+)/.exec(line) ?? []
    if (chart !== undefined) t.ok(existsSync(join(root, chart)), line)
  }
  t.end()
})

t.test('every configuration file that the docs show is one that serve takes', (t) => {
  const files = blocks.filter(
    ({ language, text }) => language === 'yaml' && text.startsWith('# holdfast.yaml'),
  )
  t.ok(files.length > 0)
  for (const { page, text } of files) t.match(layerFromFile(text, 'holdfast.yaml'), { ok: true }, page)
  t.end()
})
