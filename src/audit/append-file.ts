import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises'

/** What a path names, and how much is in it. */
export interface FileLook {
  /** Which file this is: another one of the same path has another. */
  readonly identity: string
  /** In bytes. */
  readonly size: number
}

/** A file that is open for appending. */
export interface OpenFile {
  readonly identity: string
  /** False if its last line has no newline: a writer ran out of disk, or was killed. */
  readonly endsLine: boolean
  /** Appends all of it, or rejects after some of it. */
  append(text: string): Promise<void>
  close(): Promise<void>
}

/** The file system, as far as records need it. Everything rejects with errors of Node, or never settles on a disk that hangs. */
export interface AppendFiles {
  /** Opens a file for appending, and makes it if there is none. */
  open(path: string): Promise<OpenFile>
  /** What the path names now; undefined if it names nothing. */
  look(path: string): Promise<FileLook | undefined>
  /** Replaces what `to` names. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, if it is there. */
  remove(path: string): Promise<void>
}

/** Records name people and what they were refused: for owner and group only. */
const mode = 0o640

/** The file system of this machine. */
export const systemFiles: AppendFiles = {
  async open(path) {
    // Reading too: how the file ends decides how the first record begins.
    const handle = await open(path, 'a+', mode)
    try {
      const { dev, ino, size } = await handle.stat()
      return {
        identity: identityOf(dev, ino),
        endsLine: size === 0 || (await lastByte(handle, size)) === newline,
        append: (text) => handle.appendFile(text),
        close: () => handle.close(),
      }
    } catch (error) {
      await handle.close()
      throw error
    }
  },
  async look(path) {
    try {
      const { dev, ino, size } = await stat(path)
      return { identity: identityOf(dev, ino), size }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
}

const newline = '\n'.charCodeAt(0)

function identityOf(dev: number, ino: number): string {
  return `${dev}/${ino}`
}

async function lastByte(handle: FileHandle, size: number): Promise<number | undefined> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0]
}
