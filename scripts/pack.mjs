// Packs what is published, into the folder that is named, and prints what npm says of it: npm run --silent pack -- FOLDER
//
// The bundle is built for it. The manifest is without scripts, which npm would warn of, and without the packages that the
// bundle has the code of.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const [destination] = process.argv.slice(2)
if (destination === undefined) {
  console.error('Name the folder that gets the package.')
  process.exit(2)
}
const developing = ['scripts', 'devDependencies', 'overrides']
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const published = Object.entries(manifest).filter(([key]) => !developing.includes(key))

const staged = mkdtempSync(join(tmpdir(), 'holdfast-pack-'))
try {
  for (const name of ['README.md', 'LICENSE']) cpSync(join(root, name), join(staged, name))
  execFileSync(process.execPath, [join(import.meta.dirname, 'build.mjs'), join(staged, 'dist')])
  writeFileSync(
    join(staged, 'package.json'),
    `${JSON.stringify(Object.fromEntries(published), undefined, 2)}\n`,
  )
  const args = ['pack', '--loglevel=error', '--json', '--pack-destination', resolve(destination), staged]
  execFileSync('npm', args, { stdio: ['ignore', 'inherit', 'inherit'] })
} finally {
  rmSync(staged, { recursive: true })
}
