import type { AuditRecord } from './record.ts'

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
