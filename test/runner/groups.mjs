// Which test files run in one process. To start one costs a second, and most files take less than that.
import { readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** So many bytes of tests share a process, so that the processes of a large folder can run side by side. */
const groupBytes = 60_000

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

/** The files by process: a folder each, or a part of a large one. Large ones come first, since they take longest. */
export function groupsOf(files) {
  const groups = []
  for (const file of files) {
    const { size } = statSync(file)
    const folder = dirname(file)
    const last = groups.at(-1)
    if (last?.folder === folder && last.bytes + size <= groupBytes) {
      last.files.push(file)
      last.bytes += size
    } else groups.push({ folder, files: [file], bytes: size })
  }
  return groups.toSorted((a, b) => b.bytes - a.bytes).map((group) => group.files)
}
