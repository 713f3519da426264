import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { Changes, objectChange, pageChange } from '../../src/gate/changes.ts'
import { defaultGateOptions, Gate } from '../../src/gate/gate.ts'
import type { Knowledge, QuorumReads } from '../../src/gate/ports.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import { parsed } from '../fixtures/cluster.ts'
import type { Operation } from './operation.ts'
import type { Sabotage } from './sabotage.ts'
import { watched, type ModelObject, type NumberedPage, type Store, type Watched } from './store.ts'
import type { ModelTime } from './time.ts'

/** One replica of the guard: the real gate, on a disk map that lags and ports that the scheduler owns. */
export class Replica {
  readonly id: number
  /** How often it was restarted under its name. */
  readonly process: number
  readonly map = new DiskMap()
  readonly changes = new Changes()
  readonly gate: Gate
  readonly operations: Operation[] = []
  /** Everything it was ever answered while something was under way: its hidden state follows from that. */
  history: string[] = []
  crashed = false
  readonly #store: Store
  readonly #time: ModelTime
  readonly #sabotage: Sabotage
  readonly #delivered: Record<Watched, number> = { Node: 0, BackingImage: 0, BackingImageDataSource: 0 }
  #pagesDelivered = 0
  readonly #pages = new Map<string, NumberedPage>()
  readonly #listeners = new Set<(key: string) => void>()
  /** When it first saw a reservation, by its stamp. */
  readonly #firstSeen = new Map<string, number>()
  /** Up to which change the watch has brought a page. */
  readonly #watched = new Map<string, number>()
  readonly #unmarkedAt = new Map<string, number>()
  /** The first processes have watched for long. */
  readonly #listedAt: number
  readonly #now: () => number

  constructor(
    { id, process }: Pick<Replica, 'id' | 'process'>,
    store: Store,
    time: ModelTime,
    release: string,
    sabotage: Sabotage,
  ) {
    this.id = id
    this.process = process
    this.#store = store
    this.#time = time
    this.#sabotage = sabotage
    const clock = time.clockOf(id)
    this.#now = () => clock.monotonic()
    this.#listedAt = process > 0 ? this.#now() : -Infinity
    const setting = { metadata: { name: 'current-longhorn-version' }, value: release }
    this.map.apply(parsed('Setting', setting), this.#now())
    const { options } = sabotage
    const book = sabotage.book?.(this.#book(), clock) ?? this.#book()
    const reads = sabotage.reads?.(this.#reads(), this.map) ?? this.#reads()
    this.gate = new Gate(
      {
        ...defaultGateOptions,
        replica: `replica ${id}`,
        process: `${id}.${process}`,
        policy: defaultPolicy,
        ...options,
      },
      {
        map: this.map,
        knowledge: sabotage.knowledge?.(this.#knowledge()) ?? this.#knowledge(),
        book,
        reads,
        changes: this.changes,
        clock,
        audit: { decided: () => undefined },
        onProblem: () => undefined,
      },
    )
    this.#list()
    while (this.pagesBehind() > 0) this.deliverPage()
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
  deliver(kind: Watched): string {
    const event = this.#store.events(kind)[this.#delivered[kind]++]
    if (!event) return 'nothing'
    this.#apply(event)
    return `${kind} ${event.metadata.name} v${event.metadata.resourceVersion}`
  }

  /** Its own watches have broken too: it lists everything anew. */
  relist(): void {
    this.map.history.outageBegan(this.#now())
    this.#list()
    this.map.history.outageEnded(this.#now())
    this.#time.mark(this.#policy.settleAfterOutageMs)
  }

  /** A list shows every object as it is, and nothing of what it was before. */
  #list(): void {
    for (const kind of watched) {
      const news = this.#store.events(kind).slice(this.#delivered[kind])
      const latest = new Map(news.map((event) => [event.metadata.name, event]))
      for (const event of latest.values()) this.#apply(event)
      this.#delivered[kind] += news.length
    }
  }

  #apply(event: ModelObject): void {
    this.map.apply(this.#seen(event), this.#now())
    this.changes.tell(objectChange(event.kind, event.metadata.name))
    this.#time.mark(this.#policy.settleMs)
  }

  #seen<T extends ModelObject>(object: T): T {
    return this.#sabotage.seen?.(object) ?? object
  }

  get #policy(): Policy {
    return this.#sabotage.options?.policy ?? defaultPolicy
  }

  /** The watch brings the next change of a page. */
  deliverPage(): string {
    const event = this.#store.pageEvents()[this.#pagesDelivered++]
    if (!event) return 'nothing'
    const { key, version, settled } = event.page
    this.#watched.set(key, event.change)
    if (version === undefined || !settled) this.#unmarkedAt.set(key, this.#now())
    if (event.change > this.#known(key).change) this.#keep(event)
    else this.changes.tell(pageChange(key))
    return `page ${event.page.key}`
  }

  /** What it knows, for telling states apart. */
  knows(): string {
    const positions = watched.map((kind) => `${this.behind(kind)}`).join()
    const pages = [...this.#pages.values()].map(({ page, change }) => {
      const ages = page.reservations.map(({ stamp }) => this.#now() - (this.#firstSeen.get(stamp) ?? 0))
      return `${page.key}@${change}/${ages.join()}`
    })
    return `${positions}|${this.pagesBehind()}|${pages.toSorted().join()}`
  }

  /** What it remembers of what has ended, as far as it still matters; for telling states apart. In model time. */
  remembers(sinceInModel: number): string {
    const { history } = this.map
    const now = this.#now()
    const since = now - (this.#time.now - sinceInModel)
    const ended = [...history.ended()]
      .filter(({ at }) => at > since)
      .map(({ at, ...over }) => `${Object.values(over).join('-')}:${now - at}`)
    const unseen = watched.map((kind) => {
      const at = history.unseen(kind)?.at
      return at !== undefined && at > since ? now - at : 'none'
    })
    const { outage } = history
    return [ended, unseen, outage ? [now - outage.began, now - (outage.ended ?? now)] : 'none']
      .map(String)
      .join('|')
  }

  #known(key: string): NumberedPage {
    return this.#pages.get(key) ?? { change: 0, page: { key, version: undefined, reservations: [] } }
  }

  #keep(numbered: NumberedPage): void {
    this.#pages.set(numbered.page.key, numbered)
    for (const { stamp } of numbered.page.reservations) {
      if (!this.#firstSeen.has(stamp)) this.#firstSeen.set(stamp, this.#now())
    }
    for (const listener of this.#listeners) listener(numbered.page.key)
    this.changes.tell(pageChange(numbered.page.key))
  }

  /** Waits for the scheduler. What nobody waits for any more is not asked, or takes effect all the same. */
  #ask<T>(what: string, effect: () => T, signal: AbortSignal, shown: (answer: T) => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.operations.splice(this.operations.indexOf(operation), 1)
        signal.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        end()
        reject(new Error('aborted', { cause: signal.reason }))
      }
      const operation: Operation = {
        replica: this.id,
        what,
        answer: () => {
          end()
          const answer = effect()
          this.history.push(`${what}:${shown(answer)}`)
          resolve(answer)
        },
        lose: () => {
          end()
          effect()
          this.history.push(`${what}:lost`)
          reject(new Error('the answer was lost'))
        },
      }
      this.operations.push(operation)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort)
    })
  }

  #book(): ReservationBook {
    return {
      seen: (key) => this.#known(key).page,
      pages: () =>
        [...this.#pages.values()].map(({ page }) => page).filter(({ version }) => version !== undefined),
      read: (key, signal) =>
        this.#ask(
          `read page ${key}`,
          () => this.#store.page(key),
          signal,
          ({ change }) => `${change}`,
        ).then(({ page }) => page),
      swap: (page, contents, signal) =>
        this.#ask(
          `swap page ${page.key} at ${page.version ?? 'none'} for [${contents.reservations.map(({ intent, name }) => `${intent} by ${name}`).join(', ')}]${Object.entries(
            contents.settled ?? {},
          )
            .map(String)
            .join(' ')}`,
          () => this.#store.swap(page, contents),
          signal,
          (swapped) => (swapped ? 'done' : 'conflict'),
        ).then((swapped) => {
          if (swapped && swapped.change > this.#known(page.key).change) this.#keep(swapped)
          return swapped?.page
        }),
      markedSince: ({ key, version }) => {
        if (version !== undefined && Number(version) > (this.#watched.get(key) ?? 0)) return undefined
        return Math.max(this.#listedAt, this.#unmarkedAt.get(key) ?? -Infinity)
      },
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }

  #knowledge(): Knowledge {
    const sudden = (kind: Watched): boolean =>
      this.behind(kind) > 0 &&
      this.#store
        .events(kind)
        .slice(-this.behind(kind))
        .some((event) => this.#store.isSudden(event))
    return {
      synced: true,
      ageMs: (kind) => ((kind ? [kind] : watched).some(sudden) ? Infinity : 0),
      seenUpTo: (kind) => String(this.#delivered[kind]),
      unreadable: [],
    }
  }

  #all<K extends Watched>(kind: K) {
    return this.#store.all(kind).map((object) => this.#seen(object))
  }

  #reads(): QuorumReads {
    const list = (objects: readonly ModelObject[]): string =>
      objects.map(({ metadata }) => `${metadata.name}${metadata.resourceVersion}`).join()
    return {
      images: (signal) => this.#ask('list images', () => this.#all('BackingImage'), signal, list),
      dataSources: (signal) =>
        this.#ask('list data sources', () => this.#all('BackingImageDataSource'), signal, list),
      nodes: (signal) => this.#ask('list nodes', () => this.#all('Node'), signal, list),
      node: (name, signal) =>
        this.#ask(
          `get node ${name}`,
          () => this.#all('Node').find(({ metadata }) => metadata.name === name),
          signal,
          (node) => list(node ? [node] : []),
        ),
      metadata: (kind, name, signal) =>
        this.#ask(
          `get ${kind} ${name}`,
          () => this.#store.find(kind, name)?.metadata,
          signal,
          (metadata) => metadata?.resourceVersion ?? 'none',
        ),
    }
  }
}
