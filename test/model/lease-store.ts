import type { Contents, Entry } from '../../src/gate/reservation-book.ts'

/** An entry with the number of its change: entries come and go, and their changes have an order all the same. */
export interface NumberedEntry {
  readonly change: number
  readonly entry: Entry
}

/** The Leases of one namespace, with every change, so that a watch can bring it later. */
export class LeaseStore {
  readonly #entries = new Map<string, NumberedEntry>()
  readonly #events: NumberedEntry[] = []

  /** Every change, the oldest first. */
  get events(): readonly NumberedEntry[] {
    return this.#events
  }

  entries(): Iterable<NumberedEntry> {
    return this.#entries.values()
  }

  entry(key: string): NumberedEntry {
    return this.#entries.get(key) ?? emptyEntry(key)
  }

  /** The compare-and-swap of a Lease. */
  swap({ key, version: from }: Entry, { reservations, marks }: Contents): NumberedEntry | undefined {
    const { entry, change } = this.entry(key)
    if (entry.version !== from) return undefined
    const empty = reservations.length === 0 && !marks
    const version = empty ? undefined : String(change + 1)
    const next: Entry = { key, version, reservations: [...reservations], ...(marks && { marks }) }
    const numbered = { change: change + 1, entry: next }
    this.#entries.set(key, numbered)
    this.#events.push(numbered)
    return numbered
  }
}

/** An entry that was never written. */
export function emptyEntry(key: string): NumberedEntry {
  return { change: 0, entry: { key, version: undefined, reservations: [] } }
}
