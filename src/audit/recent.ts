import type { AuditRecord } from './record.ts'
import type { AuditSink } from './sink.ts'

/** The latest records, in memory, for whoever asks a running guard. */
export class RecentRecords implements AuditSink {
  readonly name = 'recent'
  readonly #most: number
  readonly #listeners = new Set<(record: AuditRecord) => void>()
  #records: AuditRecord[] = []

  /** @param most how many are remembered, about a kilobyte each */
  constructor(most = 2_000) {
    this.#most = most
  }

  write(record: AuditRecord): void {
    this.#records.push(record)
    // Not one by one: moving all for each new one would cost more than they do.
    if (this.#records.length > this.#most * 1.25) this.#records = this.#records.slice(-this.#most)
    for (const listener of this.#listeners) listener(record)
  }

  /** The remembered ones, oldest first. */
  all(): readonly AuditRecord[] {
    return this.#records.slice(-this.#most)
  }

  /** Calls the listener with each new one; the function it returns ends that. */
  subscribe(listener: (record: AuditRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
