import { entryChange, type ChangeBus } from '../../src/gate/change-bus.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import type { Asking } from './asking.ts'
import { emptyEntry, type LeaseStore, type NumberedEntry } from './lease-store.ts'
import { shownEntry } from './state-text.ts'

/** The parts that the book of a replica needs. */
export interface ReplicaBookModules {
  readonly leases: LeaseStore
  readonly asking: Asking
  readonly changes: ChangeBus
  readonly now: () => number
  /** When the watch began; the first processes have watched for long. */
  readonly listedAt: number
  /** Why nothing can be written now; undefined if it can. */
  readonly doubt: () => string | undefined
}

/** The book of reservations as one replica knows it: without the events that its watch has not delivered yet. */
export class ReplicaBook {
  readonly #modules: ReplicaBookModules
  readonly #entries = new Map<string, NumberedEntry>()
  readonly #listeners = new Set<(key: string) => void>()
  /** When it first saw a reservation, by its stamp. */
  readonly #firstSeen = new Map<string, number>()
  /** Up to which change the watch has brought an entry. */
  readonly #watched = new Map<string, number>()
  readonly #unmarkedAt = new Map<string, number>()
  #delivered = 0

  constructor(modules: ReplicaBookModules) {
    this.#modules = modules
  }

  /** How many changes of entries it has not heard of yet. */
  get behind(): number {
    return this.#modules.leases.events.length - this.#delivered
  }

  /** The watch brings the next change of an entry. */
  deliver(): void {
    const { leases, now } = this.#modules
    const event = leases.events[this.#delivered++]
    if (!event) return
    const { key, version, marks } = event.entry
    this.#watched.set(key, event.change)
    if (version === undefined || !marks) this.#unmarkedAt.set(key, now())
    if (event.change > this.#known(key).change) this.#keep(event)
    else this.#notify(key)
  }

  /** Its freshness as text, to distinguish states. */
  knows(): string {
    const now = this.#modules.now()
    const entries = [...this.#entries.values()].map(({ entry, change }) => {
      const ages = entry.reservations.map(({ stamp }) => now - (this.#firstSeen.get(stamp) ?? 0))
      const unmarkedFor = now - (this.#unmarkedAt.get(entry.key) ?? -Infinity)
      return `${entry.key}@${change}/${this.#watched.get(entry.key)}/${unmarkedFor}/${ages.join()}`
    })
    // Changes of two entries can come in either order, and the versions in between were not the same in every past.
    const queue = this.#modules.leases.events.slice(this.#delivered).map(shownEntry)
    return `${queue.join(';')}|${entries.toSorted().join()}`
  }

  /** The book as the gate uses it. */
  get port(): ReservationBook {
    return {
      seen: (key) => this.#known(key).entry,
      entries: () =>
        [...this.#entries.values()].map(({ entry }) => entry).filter(({ version }) => version !== undefined),
      read: this.#read,
      swap: this.#swap,
      markedSince: ({ key, version }) => {
        if (version !== undefined && Number(version) > (this.#watched.get(key) ?? 0)) return undefined
        return Math.max(this.#modules.listedAt, this.#unmarkedAt.get(key) ?? -Infinity)
      },
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }

  readonly #read: ReservationBook['read'] = async (key, signal) => {
    const { leases, asking } = this.#modules
    const shown = ({ change }: NumberedEntry): string => `${change}`
    return (await asking.ask(`read entry ${key}`, () => leases.entry(key), signal, shown)).entry
  }

  readonly #swap: ReservationBook['swap'] = async (entry, contents, signal) => {
    const { leases, asking, doubt } = this.#modules
    const why = doubt()
    if (why !== undefined) throw new Error(why)
    const made = contents.reservations.map(({ intent, name }) => `${intent} by ${name}`)
    const marks = Object.entries(contents.marks ?? {}).map(String)
    const what = `swap entry ${entry.key} at ${entry.version ?? 'none'} for [${made.join(', ')}]${marks.join(' ')}`
    const shown = (swapped: NumberedEntry | undefined): string => (swapped ? 'done' : 'conflict')
    const swapped = await asking.ask(what, () => leases.swap(entry, contents), signal, shown)
    if (swapped && swapped.change > this.#known(entry.key).change) this.#keep(swapped)
    return swapped?.entry
  }

  #known(key: string): NumberedEntry {
    return this.#entries.get(key) ?? emptyEntry(key)
  }

  #keep(numbered: NumberedEntry): void {
    const { now } = this.#modules
    this.#entries.set(numbered.entry.key, numbered)
    for (const { stamp } of numbered.entry.reservations) {
      if (!this.#firstSeen.has(stamp)) this.#firstSeen.set(stamp, now())
    }
    this.#notify(numbered.entry.key)
  }

  #notify(key: string): void {
    for (const listener of this.#listeners) listener(key)
    this.#modules.changes.emit(entryChange(key))
  }
}
