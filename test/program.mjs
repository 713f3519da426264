// Compiles everything and runs one program of the tests, such as the long run of the model: `node test/program.mjs
// test/model/long.ts`.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { compile } from './compile.mjs'

process.chdir(resolve(import.meta.dirname, '..'))
const [program, ...args] = process.argv.slice(2)
const build = join('build', String(process.pid))
compile(build)
const compiled = join(build, program.replace(/\.ts$/, '.js'))
const { status } = spawnSync(process.execPath, ['--enable-source-maps', compiled, ...args], {
  stdio: 'inherit',
})
rmSync(build, { recursive: true, force: true })
process.exitCode = status ?? 1
