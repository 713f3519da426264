import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { defaultGateOptions, Gate } from '../../src/gate/gate.ts'
import { ChangeBus, objectChange } from '../../src/gate/change-bus.ts'
import type { MapFreshness, QuorumReads } from '../../src/gate/ports.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import type { Clock } from '../../src/time/clock.ts'
import { parsed } from '../fixtures/cluster.ts'
import { Asking } from './asking.ts'
import { olderBook } from './older.ts'
import { ReplicaBook } from './replica-book.ts'
import { harvester } from './request.ts'
import type { Sabotage } from './sabotage.ts'
import { hasPast, type ModelEvent, type ModelObject, type Store, watched, type Watched } from './store.ts'
import type { ModelTime } from './time.ts'

/** One process of a replica. */
export interface ReplicaOptions {
  readonly id: number
  /** How often it was restarted under its name. */
  readonly process: number
  readonly release: string
  /** Where it keeps its Leases. */
  readonly namespace: string
  /** Whether it compares that with the anchor, as every door does. */
  readonly anchored: boolean
  /** Whether it reads and writes Leases as an older version does. */
  readonly older: boolean
  readonly sabotage: Sabotage
}

/** Before anything that counts, by the monotonic clock. */
const longAgo = -3_600_000

/** One replica of the guard: the real gate, on a disk map that lags and ports that the scheduler owns. */
export class Replica {
  readonly id: number
  /** How often it was restarted under its name. */
  readonly process: number
  readonly older: boolean
  readonly map = new DiskMap()
  readonly changes = new ChangeBus()
  readonly gate: Gate
  readonly book: ReplicaBook
  readonly asking: Asking
  crashed = false
  readonly #store: Store
  readonly #time: ModelTime
  readonly #sabotage: Sabotage
  readonly #delivered: Record<Watched, number> = { Node: 0, BackingImage: 0, BackingImageDataSource: 0 }
  readonly #now: () => number
  /** Why nothing can be reserved; undefined if it can. */
  #doubt: string | undefined

  constructor(options: ReplicaOptions, store: Store, time: ModelTime) {
    const { id, process, release, namespace, anchored, older, sabotage } = options
    this.id = id
    this.process = process
    this.older = older
    this.#store = store
    this.#time = time
    this.#sabotage = sabotage
    const clock = time.clockOf(id)
    this.#now = () => clock.monotonic()
    this.asking = new Asking(id)
    this.book = new ReplicaBook({
      leases: store.leases(namespace),
      asking: this.asking,
      changes: this.changes,
      now: this.#now,
      listedAt: process > 0 ? this.#now() : -Infinity,
      doubt: () => this.#doubt,
    })
    const setting = { metadata: { name: 'current-longhorn-version' }, value: release }
    this.map.apply(parsed('Setting', setting), this.#now())
    const name = { replica: `replica ${id}`, process: `${id}.${process}` }
    this.gate = new Gate(
      {
        ...defaultGateOptions,
        // As soon as it may happen, so that time need not pass for it.
        tidyMs: 0,
        ...name,
        policy: { ...defaultPolicy, impatient: [harvester.username] },
        ...sabotage.options,
      },
      {
        map: this.map,
        freshness: sabotage.freshness?.(this.#freshness()) ?? this.#freshness(),
        book: older ? olderBook(this.book.port, name, clock) : this.#newerBook(clock),
        reads: sabotage.reads?.(this.#reads(), this.map) ?? this.#reads(),
        changes: this.changes,
        clock,
        listeners: [],
        onProblem: () => undefined,
        doubt: () => this.#doubt,
      },
    )
    this.#list()
    while (this.book.behind > 0) this.book.deliver()
    if (anchored) void this.#followAnchor(namespace)
  }

  /** How long ago it restarted, in milliseconds; 0 if it never did. */
  get startedAgo(): number {
    return this.process > 0 ? this.#now() : 0
  }

  /** The reason of its wait in words, to distinguish states. */
  get doubt(): string {
    return this.#doubt ?? ''
  }

  /** How many events of a kind it has not heard of yet. */
  behind(kind: Watched): number {
    return this.#store.events(kind).length - this.#delivered[kind]
  }

  /** The watch brings the next object of a kind. */
  deliver(kind: Watched): string {
    const event = this.#store.events(kind)[this.#delivered[kind]++]
    if (!event) return 'nothing'
    this.#apply(event, false)
    const { name, resourceVersion } = event.object.metadata
    return `${kind} ${name} v${resourceVersion}`
  }

  /** Its own watches have broken too: it lists everything anew. */
  relist(): void {
    this.map.history.outageBegan(this.#now())
    this.#list()
    this.map.history.outageEnded(this.#now())
    this.#time.mark(this.#policy.settleAfterOutageMs)
  }

  /** A list shows every object as it is, and none of its earlier versions. */
  #list(): void {
    for (const kind of watched) {
      const news = this.#store.events(kind).slice(this.#delivered[kind])
      const latest = new Map(news.map((event) => [event.object.metadata.name, event]))
      for (const event of latest.values()) this.#apply(event, true)
      this.#delivered[kind] += news.length
    }
  }

  /** @param listed true for a list, in which a deleted object is only missing, and unnoticed if it was never known */
  #apply({ object, gone }: ModelEvent, listed: boolean): void {
    const { kind, metadata } = object
    if (!gone) this.map.apply(this.#seen(object), this.#knownSince(object))
    else if (!listed || this.map.object(kind, metadata.name))
      this.map.remove(kind, metadata.name, this.#now(), listed)
    this.changes.emit(objectChange(kind, metadata.name))
    this.#time.mark(this.#policy.settleMs)
  }

  /** Of a flag, and of a clean-up, that are there from the start, the first process has known for long. */
  #knownSince(object: ModelObject): number {
    const fromStart = this.process === 0 && !this.map.object(object.kind, object.metadata.name)
    return fromStart && hasPast(object) ? longAgo : this.#now()
  }

  #seen<T extends ModelObject>(object: T): T {
    return this.#sabotage.seen?.(object) ?? object
  }

  get #policy(): Policy {
    return this.#sabotage.options?.policy ?? defaultPolicy
  }

  /** Its memory of ended changes that still matter, in model time, to distinguish states. */
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

  #newerBook(clock: Clock): ReservationBook {
    const { port } = this.book
    return this.#sabotage.book?.(port, clock, this.map) ?? port
  }

  /** Reserves nothing before it knows that its Leases are where those of all doors are: the first to ask says where. */
  async #followAnchor(namespace: string): Promise<void> {
    this.#doubt = 'unknown'
    const make = (): string => (this.#store.anchor ??= namespace)
    const { signal } = new AbortController()
    const says = await this.asking.ask(`name ${namespace} for all Leases`, make, signal, (said) => said)
    this.#doubt = says === namespace ? undefined : 'elsewhere'
  }

  #freshness(): MapFreshness {
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
    const all = <K extends Watched>(kind: K, signal: AbortSignal) =>
      this.asking.ask(`list ${kind}`, () => this.#all(kind), signal, list)
    const one = <K extends Watched>(kind: K, name: string, signal: AbortSignal) => {
      const found = () => this.#all(kind).find(({ metadata }) => metadata.name === name)
      return this.asking.ask(`get ${kind} ${name}`, found, signal, (object) => list(object ? [object] : []))
    }
    return {
      images: (signal) => all('BackingImage', signal),
      dataSources: (signal) => all('BackingImageDataSource', signal),
      nodes: (signal) => all('Node', signal),
      node: (name, signal) => one('Node', name, signal),
      dataSource: (name, signal) => one('BackingImageDataSource', name, signal),
      // There are none, so it does not matter when they are read.
      replicas: () => Promise.resolve([]),
      metadata: (kind, name, signal) => {
        const found = () => this.#store.find(kind, name)?.metadata
        return this.asking.ask(`get ${kind} ${name}`, found, signal, (of) => of?.resourceVersion ?? 'none')
      },
    }
  }
}
