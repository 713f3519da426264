// Builds, runs the tests with tap, sees that the pure rooms are covered to the last branch, and closes with one plain line.
// Arguments go to tap; with any, only what they name is run and coverage is not judged.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { createInterface } from 'node:readline'

const args = process.argv.slice(2)
const whole = args.length === 0
const root = new URL('..', import.meta.url).pathname
const summary = new URL('../.tap/report/coverage-summary.json', import.meta.url).pathname

/** Where every line and branch must be covered, and the least share of lines everywhere else. */
const exact = ['longhorn', 'disk-map', 'rules', 'gate']
const leastElsewhere = 85

// The commands are tested as people run them.
execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })

let passed = 0
let failed = 0

// Node 22 and later read TypeScript by themselves, in half the time.
const typescript = Number.parseInt(process.versions.node) >= 22 ? ['--type-strip-only'] : []
const coverage = whole ? ['--coverage-report=json-summary'] : ['--disable-coverage']
const tap = spawn('npx', ['--no-install', 'tap', ...typescript, ...coverage, ...args], {
  cwd: root,
  stdio: ['inherit', 'pipe', 'inherit'],
})
for await (const line of createInterface({ input: tap.stdout })) {
  // tap's last count: `# { total: 202, pass: 201, fail: 1 }`, at the very left.
  const total = /^# \{ total: (\d+),/.exec(line)
  if (total) {
    passed = Number(/ pass: (\d+)/.exec(line)?.[1] ?? 0)
    failed = Number(/ fail: (\d+)/.exec(line)?.[1] ?? 0)
  }
  console.log(line)
}
const [code] = tap.exitCode === null ? await once(tap, 'close') : [tap.exitCode]

const gaps = whole ? uncovered() : []
for (const gap of gaps) console.log(`not covered: ${gap}`)
if (code !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed + gaps.length} failed`)
process.exitCode = failed + gaps.length > 0 || passed === 0 ? 1 : 0

/** One sentence for each file that is covered less than it must be. */
function uncovered() {
  if (!existsSync(summary)) return ['no coverage was measured']
  const files = new Map(
    Object.entries(JSON.parse(readFileSync(summary, 'utf8'))).map(([path, of]) => [relative(root, path), of]),
  )
  const low = [...files].flatMap(([file, { lines, branches }]) => {
    const room = /^src\/([^/]+)\//.exec(file)?.[1]
    if (room === undefined) return []
    if (exact.includes(room)) {
      return lines.pct === 100 && branches.pct === 100
        ? []
        : [`${file}: ${lines.pct} % of lines, ${branches.pct} % of branches (100 % in this room)`]
    }
    return lines.pct >= leastElsewhere
      ? []
      : [`${file}: ${lines.pct} % of lines (at least ${leastElsewhere} %)`]
  })
  return [...low, ...neverLoaded(new Set(files.keys()))]
}

/** Files of the exact rooms that hold more than types and that no test ever loads. */
function neverLoaded(loaded) {
  return exact
    .flatMap((room) => readdirSync(`${root}src/${room}`).map((name) => `src/${room}/${name}`))
    .filter((file) => !loaded.has(file))
    .filter((file) => /^export (async )?(const|function|class)/m.test(readFileSync(root + file, 'utf8')))
    .map((file) => `${file}: never loaded`)
}
