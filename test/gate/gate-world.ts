import { defaultGateOptions, Gate, type GateOptions } from '../../src/gate/gate.ts'
import { ChangeBus, objectChange } from '../../src/gate/change-bus.ts'
import { InProcessBook, type Entry, type ReservationBook } from '../../src/gate/reservation-book.ts'
import type {
  DecisionListener,
  HoldListener,
  MapFreshness,
  Outcome,
  QuorumReads,
  Timing,
} from '../../src/gate/ports.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import type { BackingImage, BackingImageDataSource } from '../../src/longhorn/backing-image.ts'
import type { Kind } from '../../src/longhorn/kinds.ts'
import type { Change } from '../../src/rules/change.ts'
import { defaultPolicy, type Policy } from '../../src/rules/policy.ts'
import { onAbort } from '../../src/time/clock.ts'
import type { TestCluster } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

/** The options of a gate in a test. */
export interface GateWorldOptions extends Partial<Omit<GateOptions, 'policy'>> {
  readonly policy?: Partial<Policy>
  /** The stored objects of the API server; by default those of the disk map. */
  readonly truth?: TestCluster
  readonly book?: InProcessBook
  readonly holdListeners?: readonly HoldListener[]
}

/** One replica: a gate with everything around it in the hands of the test, and every round trip counted. */
export class GateWorld {
  readonly clock = new FakeClock()
  readonly changes = new ChangeBus()
  readonly book: InProcessBook
  readonly gate: Gate
  readonly record: {
    readonly change: Change
    readonly verdict: Verdict
    readonly timing: Timing
    readonly withinMs: number
  }[] = []
  /** The promise that a decision waits for until it is recorded. */
  recording: Promise<void> | undefined
  /** The listeners of decisions: the record, and those of a test. */
  readonly listeners: DecisionListener[] = [
    {
      decided: (change, verdict, timing, withinMs) => {
        this.record.push({ change, verdict, timing, withinMs })
        return this.recording
      },
    },
  ]
  readonly problems: { readonly what: string; readonly error: unknown }[] = []
  /** The requests to the cluster, in order: `swap n1`, `images`, … */
  readonly trips: string[] = []
  readonly freshness: { -readonly [K in keyof MapFreshness]: MapFreshness[K] } = {
    synced: true,
    ageMs: () => 0,
    seenUpTo: () => '999999',
    unreadable: [],
  }
  /** Called before each round trip takes effect; an error that it throws fails the trip. */
  before: (trip: string) => void | Promise<void> = () => undefined
  /** Called after it took effect; an error that it throws is a lost answer. */
  after: (trip: string) => void = () => undefined
  /** Why the book cannot be written now. */
  doubt: string | undefined
  /** True if the book must be read each time, as before its Leases are listed. */
  forgetful = false
  /** Since when entries have been marked: never, so that everything is listed, unless a test says so. */
  markedSince: number | undefined = Infinity
  /** The lists that all requests get, as those do that share a read. */
  shared:
    | { readonly images: readonly BackingImage[]; readonly sources: readonly BackingImageDataSource[] }
    | undefined
  truth: TestCluster
  readonly cluster: TestCluster

  constructor(
    cluster: TestCluster,
    { policy, truth, book, holdListeners = [], ...options }: GateWorldOptions = {},
  ) {
    this.cluster = cluster
    this.truth = truth ?? cluster
    this.book = book ?? new InProcessBook()
    this.changes.follow(this.book)
    this.gate = new Gate(
      {
        ...defaultGateOptions,
        tidyMs: 0,
        replica: 'one',
        process: `process of ${options.replica ?? 'one'}`,
        ...options,
        policy: { ...defaultPolicy, ...policy },
      },
      {
        map: cluster.map,
        freshness: this.freshness,
        reads: this.#reads(),
        book: this.#counted(),
        doubt: () => this.doubt,
        changes: this.changes,
        clock: this.clock,
        listeners: this.listeners,
        holdListeners,
        onProblem: (what, error) => void this.problems.push({ what, error }),
      },
    )
  }

  /** Decides for a client that waits this long. */
  async decide(change: Change, budgetMs = 0, signal = new AbortController().signal): Promise<Outcome> {
    return await this.gate.decide(change, { budgetMs, signal })
  }

  /** All that is reserved now. */
  get reservations(): Reservation[] {
    return [...this.book.entries()].flatMap((entry) => entry.reservations)
  }

  /** Announces a change of an object of the disk map, as the feed does. */
  emit(kind: Kind, name: string): void {
    this.changes.emit(objectChange(kind, name))
  }

  async #trip<T>(name: string, signal: AbortSignal, effect: () => T | Promise<T>): Promise<T> {
    this.trips.push(name)
    await abortable(Promise.resolve(name).then(this.before), signal)
    signal.throwIfAborted()
    const answer = await effect()
    this.after(name)
    return answer
  }

  #reads(): QuorumReads {
    return {
      images: (signal) =>
        this.#trip('images', signal, () => this.shared?.images ?? this.truth.all('BackingImage')),
      dataSources: (signal) =>
        this.#trip(
          'data sources',
          signal,
          () => this.shared?.sources ?? this.truth.all('BackingImageDataSource'),
        ),
      nodes: (signal) => this.#trip('nodes', signal, () => this.truth.all('Node')),
      node: (name, signal) => this.#trip(`node ${name}`, signal, () => this.truth.map.node(name)),
      dataSource: (name, signal) =>
        this.#trip(`data source ${name}`, signal, () => this.truth.map.dataSource(name)),
      replicas: (image, elsewhere, signal) =>
        this.#trip(`replicas of ${image}`, signal, () =>
          this.truth.all('Replica').filter(({ spec }) => !elsewhere.includes(spec.diskID)),
        ),
      metadata: (kind, name, signal) =>
        this.#trip(
          `${kind} ${name}`,
          signal,
          () => this.truth.all(kind).find(({ metadata }) => metadata.name === name)?.metadata,
        ),
    }
  }

  #counted(): ReservationBook {
    const { book } = this
    return {
      seen: (key) => (this.forgetful ? undefined : book.seen(key)),
      entries: () => book.entries(),
      read: (key, signal) => this.#trip(`read ${key}`, signal, () => book.read(key, signal)),
      swap: (entry: Entry, contents, signal) =>
        this.#trip(`swap ${entry.key}`, signal, () => book.swap(entry, contents, signal)),
      markedSince: () => this.markedSince,
      subscribe: (listener) => book.subscribe(listener),
    }
  }
}

/** Waits for a trip that hangs, for as long as somebody wants to know. */
async function abortable(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const forget = onAbort(signal, () => reject(new Error('aborted', { cause: signal.reason })))
    work.then(resolve, reject).finally(forget)
  })
}
