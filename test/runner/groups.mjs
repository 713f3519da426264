// Which test files run in one process. To start one costs a second of CPU, and most files take less than that.
import { readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** About so many seconds of tests share a process, so that several processes end at about the same time. */
const groupSeconds = 90

/** About how long a kilobyte of tests runs, in seconds: where it waits for processes and clocks, or searches. */
const secondsPerKilobyte = new Map([
  ['test', 8],
  ['test/commands', 1],
  ['test/e2e', 3],
  ['test/commands/evict', 0.5],
  ['test/commands/rescue', 0.5],
  ['test/server/rescue', 2],
  ['test/doors/proxy', 0.4],
  ['test/gate', 0.4],
  ['test/page', 2],
  ['test/model', 2],
  ['test/sandbox', 0.3],
  ['test/commands/sandbox', 4],
])
const usualSecondsPerKilobyte = 0.12

/** A path that names no test. */
export class NoTests extends Error {}

/**
 * The test files below `test`, or those of them that are asked for.
 *
 * @param asked files and folders; none for all
 * @throws NoTests for one that has none
 */
export function testFiles(asked) {
  const all = readdirSync('test', { recursive: true })
    .map((path) => join('test', path))
    .filter((path) => path.endsWith('.test.ts'))
    .toSorted()
  if (asked.length === 0) return all
  const found = new Set()
  for (const path of asked) {
    const wanted = relative('.', path)
    const below = all.filter((file) => file === wanted || wanted === '' || file.startsWith(`${wanted}/`))
    if (below.length === 0)
      throw new NoTests(`There are no tests at ${path}: name a folder, or a file that ends in .test.ts.`)
    for (const file of below) found.add(file)
  }
  return [...found].toSorted()
}

/**
 * The files by process: those of a folder together, as far as they share one. Slow ones come first.
 *
 * @param thorough whether searches are deep: then each of them has a process
 */
export function groupsOf(files, thorough) {
  const groups = []
  for (const file of files) {
    const seconds = secondsOf(file) * (thorough && dirname(file) === 'test/model' ? 100 : 1)
    const last = groups.at(-1)
    if (last && last.seconds + seconds <= groupSeconds) {
      last.files.push(file)
      last.seconds += seconds
    } else groups.push({ files: [file], seconds })
  }
  return groups.toSorted((a, b) => b.seconds - a.seconds).map((group) => group.files)
}

function secondsOf(file) {
  return (statSync(file).size / 1_000) * (secondsPerKilobyte.get(dirname(file)) ?? usualSecondsPerKilobyte)
}
