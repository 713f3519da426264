import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'

/** Why the file is reopened: its path names another file or none, or a SIGHUP asked for it. */
export type ReopenReason = 'moved' | 'asked'

/** Options of the file. */
interface RecordFileOptions {
  readonly path: string
  /** A file of this size is rotated, in bytes. */
  readonly maxBytes: number
  /** How many rotated files are kept: `audit.log.1` is the youngest. At least 1. */
  readonly keep: number
  readonly files: AppendFiles
  /** Called when the file was reopened. */
  readonly onReopened: (reason: ReopenReason) => void
  /** Called when the file could not be rotated; it then grows on. */
  readonly onKept: (error: unknown) => void
}

/**
 * A file of lines that may be moved, deleted, cut short or on a full disk while it is written. Each record
 * begins on a new line, whatever the file ends with. Only one call at a time.
 *
 * It checks before each line whether the path still names the open file. A file that is deleted between the
 * check and the write takes that line with it.
 */
export class RecordFile {
  readonly #options: RecordFileOptions
  #open: OpenFile | undefined
  /** False after a part of a line. */
  #endsLine = true
  #reopenReason: ReopenReason | undefined
  /** A file that could not be rotated is tried again at this size. */
  #putAsideAt: number

  constructor(options: RecordFileOptions) {
    this.#options = options
    this.#putAsideAt = options.maxBytes
  }

  /** Appends a line. @throws errors of Node; a part of the line may be in the file then */
  async append(line: string): Promise<void> {
    const file = await this.#current()
    try {
      await file.append(this.#endsLine ? line : `\n${line}`)
      this.#endsLine = true
    } catch (error) {
      // The next line finds out how this one ended.
      await this.close()
      throw error
    }
  }

  /** Reopens the file before the next line. */
  reopen(): void {
    this.#reopenReason = 'asked'
  }

  /** Closes the file; the next line opens it again. Never rejects. */
  async close(): Promise<void> {
    const file = this.#open
    this.#open = undefined
    try {
      await file?.close()
    } catch {
      // The file is no longer used, and its lines were reported one by one.
    }
  }

  async #current(): Promise<OpenFile> {
    const { files, path, onReopened } = this.#options
    const before = this.#open
    const look = await files.look(path)
    if (before && look?.identity !== before.identity) this.#reopenReason ??= 'moved'
    if (before && this.#reopenReason === undefined) {
      if (look && look.size >= this.#putAsideAt) await this.#putAside(look.size)
      if (this.#open) return this.#open
    }
    await this.close()
    const file = await files.open(path)
    this.#open = file
    this.#endsLine = file.endsLine
    const reason = this.#reopenReason
    this.#reopenReason = undefined
    if (before && reason !== undefined) onReopened(reason)
    return file
  }

  async #putAside(size: number): Promise<void> {
    const { files, path, keep, maxBytes, onKept } = this.#options
    try {
      await files.remove(`${path}.${keep}`)
      for (let age = keep - 1; age >= 1; age -= 1) {
        if (await files.look(`${path}.${age}`)) await files.rename(`${path}.${age}`, `${path}.${age + 1}`)
      }
      await files.rename(path, `${path}.1`)
      this.#putAsideAt = maxBytes
      await this.close()
    } catch (error) {
      this.#putAsideAt = size + maxBytes
      onKept(error)
    }
  }
}

/** The file at a path, and its size. */
interface FileLook {
  /** The identity of this file: another file at the same path differs. */
  readonly identity: string
  /** In bytes. */
  readonly size: number
}

/** A file that is open for appending. */
export interface OpenFile {
  readonly identity: string
  /** False if its last line has no newline: its writer ran out of disk, or was killed. */
  readonly endsLine: boolean
  /** Appends the whole text, or rejects after a part of it. */
  append(text: string): Promise<void>
  close(): Promise<void>
}

/**
 * The file system, as far as records need it. Every call rejects with errors of Node, or never settles on a
 * disk that hangs.
 */
export interface AppendFiles {
  /** Opens a file for appending, and creates a missing one. */
  open(path: string): Promise<OpenFile>
  /** The file at the path now; undefined without one. */
  look(path: string): Promise<FileLook | undefined>
  /** Replaces the file at `to`. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, if it exists. */
  remove(path: string): Promise<void>
}

/** Records name people and their denials, so only owner and group may read them. */
const mode = 0o640

/** The file system of this machine. */
export const systemFiles: AppendFiles = {
  async open(path) {
    // For reading too: the end of the file decides how the first record begins.
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
