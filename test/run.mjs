// Compiles sources and tests once, runs each test file as a process of its own, judges coverage, and closes with one
// plain line. Arguments are test files or folders; with any, only those run and coverage is not judged.
//
// Not by the `tap` command, because its loaders compile and watch every import in each of the processes, which takes
// four times as long as the tests themselves. It is tap all the same: its tests, its `spawn`, its count.
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { t } from 'tap'
import { compile } from './compile.mjs'
import { uncovered } from './coverage.mjs'

process.chdir(resolve(import.meta.dirname, '..'))
// Of its own, so that two runs do not get in each other's way.
const build = join('build', String(process.pid))
const coverage = resolve('coverage', String(process.pid))

const asked = process.argv.slice(2).map((path) => relative('.', path))
const files = readdirSync('test', { recursive: true })
  .map((path) => join('test', path))
  .filter((path) => path.endsWith('.test.ts'))
  .filter((path) => asked.length === 0 || asked.some((each) => path === each || path.startsWith(`${each}/`)))
  .toSorted()

compile(build)
const { passed, failed } = await run()
const gaps = asked.length > 0 ? [] : uncovered(coverage)
for (const folder of [build, coverage]) rmSync(folder, { recursive: true, force: true })
for (const gap of gaps) console.log(`not covered: ${gap}`)
console.log(`${passed} passed, ${failed + gaps.length} failed`)
process.exitCode = failed + gaps.length > 0 || passed === 0 ? 1 : 0

/** Runs the files, as many at a time as there are cores, and prints one line for each and all of a failed one. */
async function run() {
  // Before anything is written, since tap otherwise prints all of it.
  const output = t.pipe(new PassThrough())
  t.jobs = availableParallelism()
  t.setTimeout(10 * 60_000)
  const env = {
    ...process.env,
    TAP_TIMEOUT: '120',
    ...(asked.length === 0 && { NODE_V8_COVERAGE: coverage }),
  }
  for (const file of files) {
    const compiled = join(build, file.replace(/\.ts$/, '.js'))
    // tap's spawn puts one of its loaders into NODE_OPTIONS.
    const node = ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', compiled]
    void t.spawn('env', node, { env, buffered: true, timeout: 120_000 }, file)
  }
  void t.end()
  let inner = []
  for await (const line of createInterface({ input: output })) {
    // What a test counts, such as states explored.
    if (/^ +# \d/.test(line)) console.log(line.trim())
    if (line === '' || /^( |# Subtest)/.test(line)) inner.push(line)
    else {
      if (line.startsWith('not ok')) console.log(inner.join('\n'))
      inner = []
      console.log(line)
    }
  }
  const { pass, fail } = t.counts
  return { passed: pass, failed: fail }
}
