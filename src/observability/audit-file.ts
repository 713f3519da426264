import { escapedText } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import type { AuditRecord } from './audit-record.ts'
import { type AuditSink, isDenial } from './audit-sinks.ts'
import { type AppendFiles, RecordFile, type ReopenReason, systemFiles } from './record-file.ts'

/**
 * Why a record is not in the file, or not yet:
 * - `queue-full`: too many records wait for the disk
 * - `write-failed`: the disk is full, or the file cannot be opened
 * - `late`: the disk did not take it in time; its answer has left, and the record may still reach the file
 */
export type DropReason = 'queue-full' | 'write-failed' | 'late'

/** Options of the file. */
export interface FileSinkOptions {
  readonly path: string
  /** A file of this size is rotated, in bytes. */
  readonly maxBytes: number
  /** How many rotated files are kept: `audit.log.1` is the youngest. At least 1. */
  readonly keep: number
  readonly clock: Pick<Clock, 'setTimer'>
  /**
   * Called for each record that is not in the file, with the reason, so that it can be reported elsewhere.
   */
  readonly onDropped: (record: AuditRecord, reason: DropReason, error?: unknown) => void
  /** Called when the file was reopened. */
  readonly onReopened: (reason: ReopenReason) => void
  /** Called when the file could not be rotated; it then grows on. */
  readonly onKept: (error: unknown) => void
  /** Default: the file system of this machine. */
  readonly files?: AppendFiles
  readonly limits?: Partial<FileSinkLimits>
}

/** Limits for a disk that is slow, or hangs. */
interface FileSinkLimits {
  /** The longest wait of an answer for its record, in milliseconds, whatever the time of its request. */
  readonly withinMs: number
  /** How much may wait for the disk, in UTF-16 units. Only denials fill the second half. */
  readonly queueSize: number
  /** How long stopping may take, in milliseconds. */
  readonly stopMs: number
}

/** The limits without configuration. */
const defaultFileSinkLimits: FileSinkLimits = {
  // A disk takes a record in a tenth of a millisecond. One that takes seconds hangs.
  withinMs: 2_000,
  // 4,000 records of the usual size, and a hundred of the largest.
  queueSize: 4 * 2 ** 20,
  stopMs: 2_000,
}

interface Entry {
  readonly record: AuditRecord
  readonly line: string
  /** It is in the file, or will never be. */
  readonly settle: () => void
}

/**
 * Writes records to a file, one JSON object a line. A record counts as written once the file has it. It
 * writes one record at a time, so a disk that hangs blocks only one thread of Node's. After one late record,
 * answers no longer wait for the disk until it takes a record again.
 */
export class FileSink implements AuditSink {
  readonly name = 'file'
  readonly #options: FileSinkOptions
  readonly #limits: FileSinkLimits
  readonly #file: RecordFile
  readonly #queue: Entry[] = []
  #queued = 0
  #hangs = false
  #writing: Promise<void> | undefined

  constructor(options: FileSinkOptions) {
    this.#options = options
    this.#limits = { ...defaultFileSinkLimits, ...options.limits }
    this.#file = new RecordFile({ files: systemFiles, ...options })
  }

  write(record: AuditRecord, withinMs: number): void | Promise<void> {
    const line = `${escapedText(JSON.stringify(record))}\n`
    const { queueSize } = this.#limits
    if (this.#queued + line.length > (isDenial(record) ? queueSize : queueSize / 2)) {
      this.#options.onDropped(record, 'queue-full')
      return
    }
    const written = this.#enqueue(record, line, withinMs)
    this.#writing ??= this.#writeAll()
    if (!this.#hangs) return written
  }

  /** Reopens the file before the next record, as `logrotate` wants after it has moved the file. */
  reopen(): void {
    this.#file.reopen()
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(this.#limits.stopMs, resolve)
      const written = this.#writing ?? Promise.resolve()
      void written
        .then(() => this.#file.close())
        .finally(cancel)
        .then(resolve)
    })
  }

  #enqueue(record: AuditRecord, line: string, withinMs: number): Promise<void> {
    const { clock, onDropped } = this.#options
    return new Promise((resolve) => {
      const late = (): void => {
        this.#hangs = true
        onDropped(record, 'late')
        resolve()
      }
      let settle: () => void = resolve
      if (this.#hangs) late()
      else {
        const cancel = clock.setTimer(Math.min(withinMs, this.#limits.withinMs), late)
        settle = () => {
          cancel()
          resolve()
        }
      }
      this.#queue.push({ record, line, settle })
      this.#queued += line.length
    })
  }

  async #writeAll(): Promise<void> {
    for (let entry = this.#queue[0]; entry; entry = this.#queue[0]) {
      const { record, line, settle } = entry
      try {
        await this.#file.append(line)
      } catch (error) {
        this.#options.onDropped(record, 'write-failed', error)
      }
      this.#hangs = false
      this.#queue.shift()
      this.#queued -= line.length
      settle()
    }
    this.#writing = undefined
  }
}
