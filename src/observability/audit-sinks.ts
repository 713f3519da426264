import type { Logger } from 'pino'
import { escapedText } from '../text/plain-text.ts'
import type { AuditRecord } from './audit-record.ts'

/** How many records stay in memory, and how much of them. */
interface RecentLimits {
  readonly records: number
  /** As UTF-8. In memory they take up to twice as much. */
  readonly bytes: number
}

/** The limits without configuration: 2,000 records of the usual size are 2 MB. */
const defaultRecentLimits: RecentLimits = { records: 2_000, bytes: 4 * 2 ** 20 }

/**
 * The latest records, in memory, for commands that ask a running guard. They are stored as lines, since their
 * size is known then. The oldest go first, however often they are read, so this is not a cache.
 */
export class RecentRecords implements AuditSink {
  readonly name = 'recent'
  readonly #limits: RecentLimits
  readonly #listeners = new Set<(line: string) => void>()
  #lines: string[] = []
  /** The index of the oldest record; earlier ones are gone. */
  #first = 0
  #bytes = 0

  constructor(limits: Partial<RecentLimits> = {}) {
    this.#limits = { ...defaultRecentLimits, ...limits }
  }

  write(record: AuditRecord): void {
    const line = `${escapedText(JSON.stringify(record))}\n`
    this.#lines.push(line)
    this.#bytes += Buffer.byteLength(line)
    while (this.#isTooMuch()) this.#forgetOldest()
    for (const listener of this.#listeners) listener(line)
  }

  /** The stored records as JSON, each a line with its newline, oldest first. */
  lines(): readonly string[] {
    return this.#lines.slice(this.#first)
  }

  /** Calls the listener with each new record, as a line; the returned function removes it. */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #isTooMuch(): boolean {
    return this.#bytes > this.#limits.bytes || this.#lines.length - this.#first > this.#limits.records
  }

  #forgetOldest(): void {
    this.#bytes -= Buffer.byteLength(this.#lines[this.#first] ?? '')
    this.#lines[this.#first] = ''
    this.#first += 1
    // Not at once: moving all records for each new one would be expensive.
    if (this.#first * 2 < this.#lines.length) return
    this.#lines = this.#lines.slice(this.#first)
    this.#first = 0
  }
}

/**
 * Writes records to the log, so that `kubectl logs` has both in one place and in order. They appear at any
 * log level: denials are logged at any verbosity.
 */
export class LogSink implements AuditSink {
  readonly name = 'log'
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log.child({}, { level: 'info' })
  }

  write(record: AuditRecord): void {
    // The log has its own time, and readers disagree about duplicate keys.
    this.#log[levels[record.verdict]]({ ...record, time: undefined }, texts[record.verdict])
  }
}

const levels = { allow: 'info', hold: 'warn', refuse: 'warn', unavailable: 'error' } as const

const texts = {
  allow: 'change admitted',
  hold: 'change held back',
  refuse: 'change refused',
  unavailable: 'change cannot be judged',
} as const

/** A destination of records. */
export interface AuditSink {
  /** For metrics and log: `file`, `log`, `recent`. */
  readonly name: string
  /**
   * Takes a record. The promise settles once the record would survive this process, or cannot, and after
   * `withinMs` milliseconds in any case: an answer waits for it. It never rejects.
   */
  write(record: AuditRecord, withinMs: number): void | Promise<void>
  /** Reopens its file after a SIGHUP. */
  reopen?(): void
  /** Resolves when all records are written, or soon if they cannot be. */
  stop?(): Promise<void>
}

/** True for a record that is dropped last: a denial. */
export function isDenial({ verdict }: AuditRecord): boolean {
  return verdict !== 'allow'
}
