import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { skip } from '../charts/helm.ts'
import { render } from '../charts/rendered.ts'
import { root } from '../fixtures/root.ts'
import { read } from './pages.ts'

const folder = 'examples'
const filesIn = (name: string): string[] =>
  readdirSync(join(root, folder, name)).map((file) => `${name}/${file}`)

t.test('every example of a configuration is one that serve takes', (t) => {
  const files = filesIn('config')
  t.ok(files.length > 2)
  for (const file of files) {
    t.match(layerFromFile(read(join(folder, file)), file), { ok: true }, file)
    t.ok(read('examples/README.md').includes(`](${file})`), `${file} in examples/README.md`)
  }
  t.end()
})

t.test(
  'the chart can be rendered with every example of values, and each changes something',
  { skip },
  (t) => {
    const plain = JSON.stringify(render())
    const files = filesIn('values')
    t.ok(files.length > 3)
    for (const file of files) {
      t.not(JSON.stringify(render('--values', join(root, folder, file))), plain, file)
      t.ok(read('examples/README.md').includes(`](${file})`), `${file} in examples/README.md`)
    }
    t.end()
  },
)

t.test('every example is in the table of examples', (t) => {
  for (const name of ['ci', 'gitops']) {
    for (const file of filesIn(name)) t.ok(read('examples/README.md').includes(`](${file})`), file)
  }
  t.end()
})
