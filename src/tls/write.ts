import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'

/** A text file to be written. */
export interface FileToWrite {
  readonly path: string
  readonly text: string
  /** For the owner's eyes only: mode 0600, else 0644. */
  readonly secret: boolean
  /** False: that the file is there already is an error. */
  readonly overwrite: boolean
}

/** Thrown instead of replacing what somebody may still need. */
export class FilesInTheWay extends Error {
  readonly paths: readonly string[]

  constructor(paths: readonly string[], cause?: unknown) {
    super(
      `${paths.join(' and ')} ${paths.length === 1 ? 'is' : 'are'} there already and may be in use. To replace what is there, add --overwrite. Or choose another folder: --dir <folder>`,
      { cause },
    )
    this.name = 'FilesInTheWay'
    this.paths = paths
  }
}

/**
 * Writes files into a folder; one that is missing is made for its owner alone. A file that is replaced is so at once,
 * never half, for a server may be reading it.
 *
 * @throws {@link FilesInTheWay}
 */
export async function writeAll(folder: string, files: readonly FileToWrite[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const file of files) await write(file)
}

async function write({ path, text, secret, overwrite }: FileToWrite): Promise<void> {
  const mode = secret ? 0o600 : 0o644
  if (!overwrite) {
    try {
      await writeFile(path, text, { mode, flag: 'wx' })
    } catch (error) {
      throw hasCode(error, 'EEXIST') ? new FilesInTheWay([path], error) : error
    }
    return
  }
  const fresh = `${path}.${randomUUID()}`
  try {
    await writeFile(fresh, text, { mode, flag: 'wx' })
    await rename(fresh, path)
  } finally {
    await rm(fresh, { force: true })
  }
}

/** Those of the files that exist. */
export async function present(paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    try {
      await access(path)
      found.push(path)
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
  return found
}

/** The text of a file; undefined if there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
