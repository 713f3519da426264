import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { Changes, objectChange, pageChange } from '../../src/gate/changes.ts'
import { defaultGateOptions, Gate, type GateOptions } from '../../src/gate/gate.ts'
import type { QuorumReads } from '../../src/gate/ports.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { parsed } from '../fixtures/cluster.ts'
import { Operations, type Weather } from './operations.ts'
import { bookOf, readsOf, shownObject, shownPage } from './ports.ts'
import { watched, type NumberedPage, type Store, type Watched } from './store.ts'
import type { ModelTime } from './time.ts'

/** What is weakened, to see the checker find it. */
export interface Sabotage {
  readonly options?: Partial<GateOptions>
  readonly book?: (book: ReservationBook) => ReservationBook
  readonly reads?: (reads: QuorumReads, map: DiskMap) => QuorumReads
}

/** One replica of the guard: the real gate, on a disk map that lags and ports that the scheduler owns. */
export class Replica {
  readonly id: number
  readonly map = new DiskMap()
  readonly changes = new Changes()
  readonly gate: Gate
  readonly operations: Operations
  crashed = false
  /** What it was asked and answered while something was under way, and what it knew then. */
  #history: string[] = []
  #known: string | undefined
  readonly #store: Store
  readonly #delivered: Record<Watched, number> = { Node: 0, BackingImage: 0, BackingImageDataSource: 0 }
  #pagesDelivered = 0
  readonly #pages = new Map<string, NumberedPage>()
  /** The objects as it last heard of them, in a text each. */
  readonly #objects = new Map<string, string>()

  constructor(
    id: number,
    store: Store,
    time: ModelTime,
    { release, sabotage, weather }: { release: string; sabotage: Sabotage; weather: Weather },
  ) {
    this.id = id
    this.#store = store
    this.operations = new Operations(id, weather, (answered) => this.remember(answered))
    const setting = { metadata: { name: 'current-longhorn-version' }, value: release }
    this.map.apply(parsed('Setting', setting), time.now)
    const book = bookOf(store, this.operations, {
      seen: (key) => this.#seen(key),
      all: () => this.#pages.values(),
      keep: (page) => this.#keep(page),
    })
    const reads = readsOf(store, this.operations)
    this.gate = new Gate(
      { ...defaultGateOptions, replica: `replica ${id}`, policy: defaultPolicy, ...sabotage.options },
      {
        map: this.map,
        knowledge: { synced: true, ageMs: () => 0, unreadable: [] },
        book: sabotage.book?.(book) ?? book,
        reads: sabotage.reads?.(reads, this.map) ?? reads,
        changes: this.changes,
        clock: time.clockOf(id),
        audit: { decided: () => undefined },
        onProblem: () => undefined,
      },
    )
    for (const kind of watched) while (this.behind(kind) > 0) this.deliver(kind, time.now)
  }

  /** How many events of a kind it has not heard of yet. */
  behind(kind: Watched): number {
    return this.#store.events(kind).length - this.#delivered[kind]
  }

  /** How many changes of pages it has not heard of yet. */
  pagesBehind(): number {
    return this.#store.pageEvents().length - this.#pagesDelivered
  }

  /** The watch brings the next object of a kind. */
  deliver(kind: Watched, now: number): void {
    const event = this.#store.events(kind)[this.#delivered[kind]++]
    if (!event) return
    this.#objects.set(`${kind}/${event.metadata.name}`, shownObject(event))
    this.#known = undefined
    this.map.apply(event, now)
    this.changes.tell(objectChange(kind, event.metadata.name))
    this.#rememberIfHolding(`heard of ${kind}`)
  }

  /** The watch brings the next change of a page. */
  deliverPage(): void {
    const event = this.#store.pageEvents()[this.#pagesDelivered++]
    if (event && event.change > this.#seen(event.page.key).change) this.#keep(event)
  }

  /** Puts on record what the future of what is under way may depend on: what happened, and what was known then. */
  remember(what: string): void {
    this.#history.push(`${what} {${this.#knowledge()}}`)
  }

  /** Nothing is under way: the past is what is known. */
  forget(): void {
    this.#history = []
  }

  crash(): void {
    this.crashed = true
    this.operations.abandon()
  }

  /** Everything that its future depends on, in a text. */
  shown(): string {
    // Nothing runs there any more, but what it sent may still arrive.
    if (this.crashed) return `crashed|${this.operations.shown()}`
    const toHear = watched.flatMap((kind) =>
      this.#store.events(kind).slice(this.#delivered[kind]).map(shownObject),
    )
    const pagesToHear = this.#store
      .pageEvents()
      .slice(this.#pagesDelivered)
      .map(({ page, change }) => `${page.key} ${change} ${shownPage(page)}`)
    return [this.#knowledge(), toHear, pagesToHear, this.operations.shown(), this.#history].map(String).join('|')
  }

  #knowledge(): string {
    this.#known ??= [
      ...this.#objects.values(),
      ...[...this.#pages.values()].map(({ page, change }) => `${page.key} ${change} ${shownPage(page)}`).toSorted(),
    ].join()
    return this.#known
  }

  #seen(key: string): NumberedPage {
    return this.#pages.get(key) ?? { change: 0, page: { key, version: undefined, reservations: [] } }
  }

  #keep(numbered: NumberedPage): void {
    this.#pages.set(numbered.page.key, numbered)
    this.#known = undefined
    this.changes.tell(pageChange(numbered.page.key))
    this.#rememberIfHolding(`heard of ${numbered.page.key}`)
  }

  /** What is held was judged again when it heard something, and what it waits for now may be something else. */
  #rememberIfHolding(what: string): void {
    if (this.gate.holding > 0) this.remember(what)
  }
}
