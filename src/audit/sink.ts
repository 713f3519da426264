import type { AuditRecord } from './record.ts'

/** Where records go. */
export interface AuditSink {
  /** For metrics and log: `file`, `log`, `recent`. */
  readonly name: string
  /**
   * Takes a record. What it returns is settled once the record would outlive this process, or cannot; it never
   * rejects.
   */
  write(record: AuditRecord): void | Promise<void>
  /** Resolves when all that was taken is written. */
  stop?(): Promise<void>
}

/** True for a record that must not be dropped, whatever it costs: somebody was denied something. */
export function isDenial({ verdict }: AuditRecord): boolean {
  return verdict !== 'allow'
}
