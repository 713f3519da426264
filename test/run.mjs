// Runs the tests, and closes with one plain line: `N passed, N failed`. `npm test -- PATH...` runs some of them.
//
//   --thorough  searches as deep as is worth the while, and judges coverage; takes minutes
//   --watch     runs again whenever a source or a test has changed
//
// They are tap's tests, and `npx tap PATH...` runs them too: in a process for each file, which takes longer.
import { readdirSync, rmSync, watch } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { uncovered } from './runner/coverage.mjs'
import { groupsOf, NoTests, testFiles } from './runner/groups.mjs'
import { failureText, groupText } from './runner/report.mjs'
import { run } from './runner/run.mjs'

process.chdir(resolve(import.meta.dirname, '..'))
const { values, positionals } = asked()

try {
  if (values.watch) await forEver()
  else process.exitCode = (await once()) ? 0 : 1
} catch (error) {
  if (!(error instanceof NoTests)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function asked() {
  const options = {
    thorough: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
  }
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    console.error(`${error.message.split('. ')[0]}. There are --thorough and --watch; all else is a path.`)
    process.exit(1)
  }
}

/** @returns whether there were tests, and all passed */
async function once() {
  const files = testFiles(positionals)
  // One folder for each run, so that two runs do not disturb each other.
  const coverage =
    values.thorough && positionals.length === 0 ? resolve('coverage', String(process.pid)) : undefined
  const env = {
    ...(values.thorough && { HOLDFAST_THOROUGH: 'yes' }),
    ...(coverage && { NODE_V8_COVERAGE: coverage }),
  }
  const told = {
    failure: (failure) => console.log(failureText(failure)),
    group: (result) => console.log(groupText(result)),
  }
  const results = await run(groupsOf(files, values.thorough), env, told)
  const gaps = coverage ? uncovered(coverage) : []
  if (coverage) rmSync(coverage, { recursive: true, force: true })
  const failures = results.flatMap((result) => result.failures)
  if (failures.length > 0) console.log(`\n${failures.map(failureText).join('\n')}\n`)
  for (const gap of gaps) console.log(`not covered: ${gap}`)
  const sum = (count) => results.reduce((total, result) => total + result[count], 0)
  const skipped = sum('skipped')
  const failed = failures.length + gaps.length
  console.log(`${sum('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed === 0 && sum('passed') > 0
}

async function forEver() {
  let changed = () => undefined
  // One by one: on Node 20 a recursive watch goes deaf to a file that an editor puts in the place of the old one.
  const watched = new Set()
  const watchFolders = () => {
    for (const top of ['src', 'test']) {
      for (const folder of [top, ...foldersIn(top)]) {
        if (!watched.has(folder)) watch(folder, () => changed())
        watched.add(folder)
      }
    }
  }
  for (;;) {
    watchFolders()
    const change = new Promise((resolve) => (changed = resolve))
    await once()
    console.log('Waiting for a change…')
    await change
    // Editors write a file in several steps.
    await setTimeout(200)
  }
}

function foldersIn(top) {
  const entries = readdirSync(top, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))
}
