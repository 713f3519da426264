import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { sourceStacks } from '../src/source-stacks.ts'
import { turns } from './fixtures/eventually.ts'

/** The maps of a bundle whose file main.js has one line, which comes from the first line of a source. */
function mapsTo(source: string): string {
  return JSON.stringify({ 'main.js': { version: 3, sources: [source], names: [], mappings: 'AAAA' } })
}

/** Collects what nothing holds. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  // What a weak reference gave stays for the rest of a turn.
  await turns()
  if (typeof gc === 'function') Reflect.apply(gc, undefined, [])
}

t.test('the maps of a stack trace are read when it is shown, and not kept for ever', async (t) => {
  const folder = t.testdir({ 'source-lines.json': mapsTo('src/a.ts') })
  const file = join(folder, 'source-lines.json')
  const stack = `at f (${pathToFileURL(folder).href}/main.js:1:1)`
  const inSources = sourceStacks(pathToFileURL(file))
  t.equal(inSources(stack), 'at f (src/a.ts:1)')
  writeFileSync(file, mapsTo('src/b.ts'))
  t.equal(inSources(stack), 'at f (src/a.ts:1)', 'another stack of the same turn does not read them again')
  await collect()
  t.equal(inSources(stack), 'at f (src/b.ts:1)')
})

t.test('a stack stays as it is where no map tells its source', (t) => {
  const folder = t.testdir({ 'source-lines.json': mapsTo('src/a.ts') })
  const at = (place: string): string => `at f (${place})`
  const other = pathToFileURL(folder).href
  for (const place of [`${other}/other.js:1:1`, 'file:///elsewhere/main.js:1:1'])
    t.equal(sourceStacks(pathToFileURL(join(folder, 'source-lines.json')))(at(place)), at(place))
  t.equal(
    sourceStacks(pathToFileURL(join(folder, 'none.json')))(at(`${other}/main.js:1:1`)),
    at(`${other}/main.js:1:1`),
  )
  t.end()
})
