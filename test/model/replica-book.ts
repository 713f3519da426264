import { pageChange, type Changes } from '../../src/gate/hold.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import type { Asking } from './asking.ts'
import { emptyPage, type LeaseStore, type NumberedPage } from './lease-store.ts'

/** What the book of a replica works with. */
export interface ReplicaBookModules {
  readonly leases: LeaseStore
  readonly asking: Asking
  readonly changes: Changes
  readonly now: () => number
  /** When the watch began; the first processes have watched for long. */
  readonly listedAt: number
  /** Why nothing can be written now; undefined if it can. */
  readonly doubt: () => string | undefined
}

/** The book of reservations as one replica knows it: behind by what its watch has not brought yet. */
export class ReplicaBook {
  readonly #modules: ReplicaBookModules
  readonly #pages = new Map<string, NumberedPage>()
  readonly #listeners = new Set<(key: string) => void>()
  /** When it first saw a reservation, by its stamp. */
  readonly #firstSeen = new Map<string, number>()
  /** Up to which change the watch has brought a page. */
  readonly #watched = new Map<string, number>()
  readonly #unmarkedAt = new Map<string, number>()
  #delivered = 0

  constructor(modules: ReplicaBookModules) {
    this.#modules = modules
  }

  /** How many changes of pages it has not heard of yet. */
  get behind(): number {
    return this.#modules.leases.events.length - this.#delivered
  }

  /** The watch brings the next change of a page. */
  deliver(): void {
    const { leases, now } = this.#modules
    const event = leases.events[this.#delivered++]
    if (!event) return
    const { key, version, settled } = event.page
    this.#watched.set(key, event.change)
    if (version === undefined || !settled) this.#unmarkedAt.set(key, now())
    if (event.change > this.#known(key).change) this.#keep(event)
    else this.#tell(key)
  }

  /** What it knows, for telling states apart. */
  knows(): string {
    const now = this.#modules.now()
    const pages = [...this.#pages.values()].map(({ page, change }) => {
      const ages = page.reservations.map(({ stamp }) => now - (this.#firstSeen.get(stamp) ?? 0))
      const unmarkedFor = now - (this.#unmarkedAt.get(page.key) ?? -Infinity)
      return `${page.key}@${change}/${this.#watched.get(page.key)}/${unmarkedFor}/${ages.join()}`
    })
    return `${this.behind}|${pages.toSorted().join()}`
  }

  /** The book as the gate uses it. */
  get port(): ReservationBook {
    return {
      seen: (key) => this.#known(key).page,
      pages: () =>
        [...this.#pages.values()].map(({ page }) => page).filter(({ version }) => version !== undefined),
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
    const shown = ({ change }: NumberedPage): string => `${change}`
    return (await asking.ask(`read page ${key}`, () => leases.page(key), signal, shown)).page
  }

  readonly #swap: ReservationBook['swap'] = async (page, contents, signal) => {
    const { leases, asking, doubt } = this.#modules
    const why = doubt()
    if (why !== undefined) throw new Error(why)
    const made = contents.reservations.map(({ intent, name }) => `${intent} by ${name}`)
    const marks = Object.entries(contents.settled ?? {}).map(String)
    const what = `swap page ${page.key} at ${page.version ?? 'none'} for [${made.join(', ')}]${marks.join(' ')}`
    const shown = (swapped: NumberedPage | undefined): string => (swapped ? 'done' : 'conflict')
    const swapped = await asking.ask(what, () => leases.swap(page, contents), signal, shown)
    if (swapped && swapped.change > this.#known(page.key).change) this.#keep(swapped)
    return swapped?.page
  }

  #known(key: string): NumberedPage {
    return this.#pages.get(key) ?? emptyPage(key)
  }

  #keep(numbered: NumberedPage): void {
    const { now } = this.#modules
    this.#pages.set(numbered.page.key, numbered)
    for (const { stamp } of numbered.page.reservations) {
      if (!this.#firstSeen.has(stamp)) this.#firstSeen.set(stamp, now())
    }
    this.#tell(numbered.page.key)
  }

  #tell(key: string): void {
    for (const listener of this.#listeners) listener(key)
    this.#modules.changes.tell(pageChange(key))
  }
}
