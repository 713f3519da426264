// Judges the coverage of the tests: every line and branch of what decides, most lines of each other file.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The rooms in whose own files every line and branch must be covered, and the least share of lines of any other file. */
const exact = ['longhorn', 'disk-map', 'rules', 'gate']
const leastElsewhere = 85

/** One sentence for each file that is covered less than it must be, from what V8 wrote into the folder. */
export function uncovered(folder) {
  const files = new Map(Object.entries(summary(folder)).map(([path, of]) => [relative('.', path), of]))
  return [...[...files].flatMap(([file, of]) => tooLow(file, of)), ...neverLoaded(new Set(files.keys()))]
}

function summary(folder) {
  const read = ['report', `--temp-directory=${folder}`, '--include=src/**']
  const write = ['--reporter=json-summary', `--reports-dir=${folder}`]
  const { status } = spawnSync('node_modules/.bin/c8', [...read, ...write], { stdio: 'inherit' })
  if (status !== 0) throw new Error('c8 could not read the coverage')
  return JSON.parse(readFileSync(join(folder, 'coverage-summary.json'), 'utf8'))
}

function tooLow(file, { lines, branches }) {
  const room = /^src\/([^/]+)\/[^/]+$/.exec(file)?.[1]
  if (exact.includes(room)) {
    return lines.pct === 100 && branches.pct === 100
      ? []
      : [`${file}: ${lines.pct} % of lines, ${branches.pct} % of branches (100 % in this room)`]
  }
  return file === 'total' || lines.pct >= leastElsewhere
    ? []
    : [`${file}: ${lines.pct} % of lines (at least ${leastElsewhere} %)`]
}

/** Files of the exact rooms that hold more than types and that no test ever loads. */
function neverLoaded(loaded) {
  return exact
    .flatMap((room) => readdirSync(`src/${room}`).map((name) => `src/${room}/${name}`))
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => !loaded.has(file))
    .filter((file) => /^export (async )?(const|function|class)/m.test(readFileSync(file, 'utf8')))
    .map((file) => `${file}: never loaded`)
}
