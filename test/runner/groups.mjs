// Which test files run in one process. To start one costs a second of CPU, and most files take less than that.
import { readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** About so many seconds of tests share a process, so that several processes end at about the same time. */
const groupSeconds = 25

/** About how long a kilobyte of tests runs, in seconds: where it waits for processes and clocks, or searches. */
const secondsPerKilobyte = new Map([
  ['test', 3],
  ['test/commands', 1],
  ['test/e2e', 3],
  ['test/eviction', 0.5],
  ['test/model', 2],
  ['test/sandbox', 0.3],
  ['test/story', 4],
])
const usualSecondsPerKilobyte = 0.12

/**
 * The test files below `test`, or those of them that are asked for.
 *
 * @param asked files and folders; none for all
 * @param thorough whether those count that only the thorough tests run
 */
export function testFiles(asked, thorough) {
  const wanted = asked.map((path) => relative('.', path))
  const isTest = thorough ? /\.(test|thorough)\.ts$/ : /\.test\.ts$/
  return readdirSync('test', { recursive: true })
    .map((path) => join('test', path))
    .filter((path) => isTest.test(path) || (path.endsWith('.ts') && wanted.includes(path)))
    .filter(
      (path) => wanted.length === 0 || wanted.some((each) => path === each || path.startsWith(`${each}/`)),
    )
    .toSorted()
}

/** The files by process: those of a folder together, as far as they share one. Slow ones come first. */
export function groupsOf(files) {
  const groups = []
  for (const file of files) {
    const seconds = secondsOf(file)
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
