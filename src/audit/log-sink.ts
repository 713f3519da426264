import type { Logger } from 'pino'
import type { AuditRecord } from './record.ts'
import type { AuditSink } from './sink.ts'

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
