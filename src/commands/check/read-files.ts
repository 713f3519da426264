import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readBounded } from '../../text/bounded-file.ts'
import { inWords } from '../../text/system-error.ts'
import { decodedText } from '../../text/yaml.ts'
import { CannotRun } from '../surroundings.ts'

/** A file at a path, or the reason why one below it cannot be read. */
export type FileFound = { readonly path: string } | { readonly path: string; readonly problem: string }

/**
 * The files at a path: itself, or all YAML and JSON below a folder in the order of their names. As `kubectl
 * apply -R` does, it follows links to files and none to folders, so a circular link is no loop. A file with
 * two names counts once.
 *
 * @throws Error if the path does not exist, or the folder itself cannot be read
 */
export async function filesAt(path: string): Promise<FileFound[]> {
  if (!(await stat(path)).isDirectory()) return [{ path }]
  const found: FileFound[] = []
  await walk(path, found, new Set())
  return found
}

async function walk(folder: string, found: FileFound[], seen: Set<string>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    try {
      if (entry.isDirectory()) await walk(path, found, seen)
      else if (/\.(?:ya?ml|json)$/.test(entry.name) && !(await isKnown(path, seen))) found.push({ path })
    } catch (cause) {
      found.push({ path, problem: `cannot read it: ${inWords(cause)}` })
    }
  }
}

/**
 * True for a file that was found before, and for other things than files: a folder behind a link, a pipe
 * without a writer.
 */
async function isKnown(path: string, seen: Set<string>): Promise<boolean> {
  const real = await realpath(path)
  if (seen.has(real) || !(await stat(real)).isFile()) return true
  seen.add(real)
  return false
}

/**
 * The text of a file, in UTF-8 or by its byte order mark.
 *
 * @param what its name for the message
 * @param most bytes, as `mostBytes` has them
 * @throws CannotRun
 */
export async function readText(path: string, what: string, most: number): Promise<string> {
  try {
    return decodedText(await readBounded(path, most))
  } catch (cause) {
    const why = inWords(cause)
    throw new CannotRun(`cannot read ${what} ${path}: ${why}`, { cause })
  }
}
