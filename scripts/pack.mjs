// Packs what is published, into the folder that is named, and prints what npm says of it: npm run --silent pack -- FOLDER
//
// What `npm run build` has made goes into it, and is made first if it is missing. The manifest is without scripts, which npm would warn of, and without the
// packages that the bundle has the code of.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const [destination] = process.argv.slice(2)
if (destination === undefined) {
  console.error('Name the folder that gets the package.')
  process.exit(2)
}
if (!existsSync(join(root, 'dist/main.js')))
  execFileSync(process.execPath, [join(import.meta.dirname, 'build.mjs')])
const developing = ['scripts', 'devDependencies', 'overrides']
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const published = Object.entries(manifest).filter(([key]) => !developing.includes(key))

const staged = mkdtempSync(join(tmpdir(), 'holdfast-pack-'))
try {
  for (const name of [...manifest.files, 'README.md', 'LICENSE'])
    cpSync(join(root, name), join(staged, name), { recursive: true })
  writeFileSync(
    join(staged, 'package.json'),
    `${JSON.stringify(Object.fromEntries(published), undefined, 2)}\n`,
  )
  const args = ['pack', '--json', '--pack-destination', resolve(destination), staged]
  execFileSync('npm', args, { stdio: ['ignore', 'inherit', 'ignore'] })
} finally {
  rmSync(staged, { recursive: true })
}
