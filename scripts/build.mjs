// Makes dist/, or the folder that is named: the program as a bundle, which is published and put into the image.
//
//   main.js, kubectl-holdfast.js   the two names of the program
//   kubectl_complete-holdfast.js   asked by kubectl for what a person may type after `kubectl holdfast`
//   completion.json                what a person may type, of all commands
//   *.js                           loaded when they are needed: a file for each command, and what several share
//   browser/                       the live page
//   source-lines.json              for stack traces: the source of each line
//   THIRD-PARTY-LICENSES.txt       the licences of the packages that are bundled
//
// embedded-cluster.js and sandbox.js are the embedded cluster. Nothing else needs them, so an image can do without.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { requiredBuiltins } from './builtins.mjs'
import { chunkNames, fileName } from './chunks.mjs'
import { licenceFile, packagesOf } from './licences.mjs'
import { sourceLines, withoutMapsOfPackages } from './source-lines.mjs'

const root = resolve(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'dist'))

// A named folder is emptied, so it has to be a bundle already, or empty.
const isBundle = existsSync(join(dist, 'source-lines.json'))
if (process.argv[2] !== undefined && existsSync(dist) && readdirSync(dist).length > 0 && !isBundle) {
  console.error(`${dist} has other files than a bundle. Name an empty folder, or one that does not exist.`)
  process.exit(2)
}
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const program = await chunksOf('src/main.ts', {
  platform: 'node',
  plugins: [requiredBuiltins, withoutMapsOfPackages],
  output: {
    sourcemap: 'hidden',
    comments: false,
    entryFileNames: 'main.js',
    chunkFileNames: fileName,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'shared', name: chunkNames() }],
    },
  },
})
const page = await chunksOf('src/page/browser/main.js', { platform: 'browser' })

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })
for (const { fileName, code, isEntry } of program)
  writeFileSync(join(dist, fileName), code, { mode: isEntry ? 0o755 : 0o644 })
const asProgram = { mode: 0o755 }
writeFileSync(join(dist, 'kubectl-holdfast.js'), "#!/usr/bin/env node\nimport './main.js'\n", asProgram)
writeFileSync(
  join(dist, 'kubectl_complete-holdfast.js'),
  "#!/usr/bin/env node\nprocess.argv.splice(2, 0, '__complete')\nawait import('./main.js')\n",
  asProgram,
)
writeFileSync(join(dist, 'source-lines.json'), JSON.stringify(sourceLines(program)))
const modules = program.flatMap((chunk) => Object.keys(chunk.modules))
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), licenceFile(packagesOf(modules)))
cpSync(join(root, 'src/page/browser'), join(dist, 'browser'), {
  recursive: true,
  filter: (path) => !['.js', '.json'].includes(extname(path)),
})
for (const { fileName, code } of page) writeFileSync(join(dist, 'browser', fileName), code)

const offers = execFileSync(process.execPath, [join(dist, 'main.js'), '__offers'])
writeFileSync(join(dist, 'completion.json'), offers)

/**
 * @param {string} input
 * @param {import('rolldown').BuildOptions} options
 */
async function chunksOf(input, { output, ...options }) {
  const build = await rolldown({
    input,
    ...options,
    cwd: root,
    tsconfig: false,
    transform: { target: 'node20.19', define: { HOLDFAST_VERSION: JSON.stringify(version) } },
    preserveEntrySignatures: false,
    // Packages have such imports. Ours have none, which the lint makes sure of.
    // A module that one command needs at once and another one later is no mistake.
    checks: { circularDependency: false, ineffectiveDynamicImport: false },
  })
  const { output: files } = await build.generate({ format: 'esm', ...output })
  await build.close()
  return files.filter((file) => file.type === 'chunk').map((chunk) => ({ ...chunk, code: ascii(chunk.code) }))
}

/**
 * Escapes what is not ASCII, all of which is in texts and patterns: V8 keeps a source with another letter at two bytes a letter.
 *
 * @param {string} code
 */
function ascii(code) {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
