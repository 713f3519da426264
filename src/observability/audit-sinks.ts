import type { Logger } from 'pino'
import { escapedText } from '../text/plain-text.ts'
import type { AuditRecord } from './audit-record.ts'

/** How many records are remembered, and how much of them. */
interface RecentLimits {
  readonly records: number
  /** As UTF-8. In memory they take up to twice as much. */
  readonly bytes: number
}

/** The limits without configuration: 2,000 records of the usual size are 2 MB. */
const defaultRecentLimits: RecentLimits = { records: 2_000, bytes: 4 * 2 ** 20 }

/**
 * The latest records, in memory, for whoever asks a running guard. They are kept as the lines that are asked for, since
 * their size is known then. The oldest go first, however often they are read, so this is no cache.
 */
export class RecentRecords implements AuditSink {
  readonly name = 'recent'
  readonly #limits: RecentLimits
  readonly #listeners = new Set<(line: string) => void>()
  #lines: string[] = []
  /** Where the oldest is that is remembered; those before it have gone. */
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

  /** The remembered ones as JSON, each a line with its newline, oldest first. */
  lines(): readonly string[] {
    return this.#lines.slice(this.#first)
  }

  /** Calls the listener with each new one, a line as well; the function it returns ends that. */
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
    // Not at once: moving all for each new one would cost more than they do.
    if (this.#first * 2 < this.#lines.length) return
    this.#lines = this.#lines.slice(this.#first)
    this.#first = 0
  }
}

/**
 * Writes records to the log, so that `kubectl logs` has both in one place and in order. They come whatever the level
 * of the log: what was denied is not a matter of verbosity.
 */
export class LogSink implements AuditSink {
  readonly name = 'log'
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log.child({}, { level: 'info' })
  }

  write(record: AuditRecord): void {
    // The log has a time of its own, and a key that comes twice is read differently by every reader.
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

/** Where records go. */
export interface AuditSink {
  /** For metrics and log: `file`, `log`, `recent`. */
  readonly name: string
  /**
   * Takes a record. What it returns is settled once the record would outlive this process, or cannot, and after
   * `patienceMs` milliseconds in any case: an answer waits for it. It never rejects.
   */
  write(record: AuditRecord, patienceMs: number): void | Promise<void>
  /** Begins anew with what is open: SIGHUP was sent. */
  reopen?(): void
  /** Resolves when all that was taken is written, or soon if it cannot be written. */
  stop?(): Promise<void>
}

/** True for a record that is dropped last: a request was denied. */
export function isDenial({ verdict }: AuditRecord): boolean {
  return verdict !== 'allow'
}
