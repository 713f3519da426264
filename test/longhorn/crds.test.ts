import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { differencesOf } from '../../src/commands/compare-crds/differences.ts'
import { readDefinition } from '../../src/longhorn/definition.ts'
import { allKinds } from '../../src/longhorn/kinds.ts'

/** A folder of Longhorn's own definitions, one a file: what Longhorn has, against what is read here. */
const folder = process.env.HOLDFAST_CRDS
const skip = folder === undefined ? 'HOLDFAST_CRDS is not set' : false
const found = (folder === undefined ? [] : readdirSync(folder))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => ({
    file,
    definition: readDefinition(parse(readFileSync(join(folder ?? '', file), 'utf8'))),
  }))

t.test('each kind has a definition', { skip }, (t) => {
  const defined = new Set(found.map(({ definition }) => definition?.kind))
  t.same(
    allKinds.filter((kind) => !defined.has(kind)),
    [],
  )
  t.end()
})

t.test('Longhorn has every name and field that is read, and no new one in spec', { skip }, (t) => {
  for (const { file, definition } of found) if (definition) t.strictSame(differencesOf(definition), [], file)
  t.end()
})
