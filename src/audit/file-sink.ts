import { basename, dirname, resolve } from 'node:path'
import { createStream, type RotatingFileStream } from 'rotating-file-stream'
import type { AuditRecord } from './record.ts'
import { isDenial, type AuditSink } from './sink.ts'

/** Why a record is not in the file. */
export type DropReason = 'queue-full' | 'write-failed'

/** What is written where. */
export interface FileSinkOptions {
  readonly path: string
  /** A file that has grown to this is put aside, in bytes. */
  readonly maxBytes: number
  /** How many that were put aside are kept: `audit.log.1` is the youngest. */
  readonly keep: number
  /** So many records may wait for the disk; beyond that only denials are taken. */
  readonly queue: number
  /** Told of each record that is not in the file, with the reason, so that it can be told elsewhere. */
  readonly onDropped: (record: AuditRecord, reason: DropReason, error?: Error) => void
}

/** Writes records to a file, one JSON object a line, each in the file before it counts as written. */
export class FileSink implements AuditSink {
  readonly name = 'file'
  readonly #options: FileSinkOptions
  #stream: RotatingFileStream | undefined
  #waiting = 0

  constructor(options: FileSinkOptions) {
    this.#options = options
  }

  write(record: AuditRecord): void | Promise<void> {
    const { queue, onDropped } = this.#options
    if (this.#waiting >= queue && !isDenial(record)) {
      onDropped(record, 'queue-full')
      return
    }
    this.#waiting += 1
    return new Promise((resolve) => {
      this.#open().write(`${JSON.stringify(record)}\n`, (error) => {
        this.#waiting -= 1
        if (error) onDropped(record, 'write-failed', error)
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    const stream = this.#stream
    if (!stream) return
    await new Promise<void>((resolve) => {
      stream.once('close', resolve)
      stream.end()
    })
  }

  /** A stream that has failed is dead; the disk may have recovered, so the next record gets another. */
  #open(): RotatingFileStream {
    if (this.#stream && !this.#stream.destroyed) return this.#stream
    const { path, maxBytes, keep } = this.#options
    const name = basename(path)
    const stream = createStream((index) => (Number(index) > 0 ? `${name}.${Number(index)}` : name), {
      path: dirname(resolve(path)),
      size: `${maxBytes}B`,
      rotate: keep,
      // Who was refused what is not everybody's business.
      mode: 0o640,
    })
    // Each write is told of its own failure.
    stream.on('error', () => undefined)
    this.#stream = stream
    return stream
  }
}
