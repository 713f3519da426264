import type { Parsed } from '../json/schema.ts'
import { group, type Kind, kinds, type LonghornObject, version } from '../longhorn/kinds.ts'
import { abortReason, type Clock, onAbort, type Random, systemClock } from '../time/clock.ts'
import { Pace } from '../time/pace.ts'
import type { Connection } from './client/connection.ts'
import { type FeedProblem, notApplied, notFollowed, unreadable } from './feed-problem.ts'
import type { CacheChange } from './watch/cache.ts'
import type { ListedObject } from './watch/list-pages.ts'
import type { ListWatchLimits } from './watch/list-watch-state.ts'
import { ListWatch } from './watch/list-watch.ts'

/**
 * The target of the objects, such as the disk map. `at` is when it was seen, in milliseconds by the monotonic
 * clock.
 */
export interface DiskMapSink {
  /** @param isFirst true in the first list of its kind: its state may be old */
  apply(object: LonghornObject, at: number, isFirst: boolean): void
  /** @param unseen true if a list lacks it, so it may have changed before its deletion */
  remove(kind: Kind, name: string, at: number, unseen: boolean): void
  /**
   * The connection is broken.
   *
   * @param began the last moment at which it was known to work, in milliseconds by the monotonic clock
   */
  outageBegan?(began: number): void
  /** The connection works again for all kinds. */
  outageEnded?(at: number): void
}

/** The source and the target of a feed. */
export interface DiskMapFeedOptions {
  readonly connection: Connection
  /** Longhorn's namespace, usually `longhorn-system`. */
  readonly namespace: string
  readonly sink: DiskMapSink
  /** Called once for each new problem. */
  readonly onProblem?: (problem: FeedProblem) => void
  /** Stops the feed, as `stop()` does. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<ListWatchLimits>
  readonly clock?: Clock
  readonly random?: Random
}

/** An object whose current version is not known, and why. */
interface UnreadableObject {
  readonly kind: Kind
  readonly name: string
  /** A part of a sentence: which field is wrong and how. */
  readonly problem: string
}

/** The objects that could not be read. Decisions ask for them, since the map is incomplete without them. */
class UnreadableObjects {
  readonly #objects = new Map<string, UnreadableObject>()
  #seen = 0

  /** How many were ever added, new versions of the same object included. */
  get seen(): number {
    return this.#seen
  }

  list(): readonly UnreadableObject[] {
    return [...this.#objects.values()]
  }

  add(object: UnreadableObject): void {
    this.#seen += 1
    this.#objects.set(keyOf(object.kind, object.name), object)
  }

  /** It is readable again, or gone. */
  delete(kind: Kind, name: string): void {
    this.#objects.delete(keyOf(kind, name))
  }
}

function keyOf(kind: Kind, name: string): string {
  return `${kind}/${name}`
}

type Follower = ListWatch<Parsed<LonghornObject>>

/**
 * Keeps a sink up to date with Longhorn's objects of all kinds in one namespace. The constructor starts it.
 * It does not own the connection.
 */
export class DiskMapFeed {
  readonly #options: DiskMapFeedOptions
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  readonly #pace = new Pace()
  readonly #unreadable = new UnreadableObjects()
  readonly #listed = new Set<Kind>()
  readonly #out = new Set<Kind>()
  readonly #followers: ReadonlyMap<Kind, Follower>
  readonly #whenSynced: Promise<void>

  constructor(options: DiskMapFeedOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const { signal } = options
    if (signal)
      onAbort(
        this.#stopping.signal,
        onAbort(signal, () => this.#stop()),
      )
    if (signal?.aborted) this.#stop()
    const followers = new Map<Kind, Follower>()
    const synced: Promise<void>[] = []
    for (const kind of allKinds) {
      synced.push(new Promise((resolve) => followers.set(kind, this.#follow(kind, resolve))))
    }
    this.#followers = followers
    this.#whenSynced = Promise.all(synced).then(() => undefined)
  }

  /** The list-watch of each kind: state, counters, problem, resourceVersion. */
  get followers(): ReadonlyMap<Kind, Follower> {
    return this.#followers
  }

  /** True once every kind was listed and applied. */
  get synced(): boolean {
    for (const { synced } of this.#followers.values()) if (!synced) return false
    return true
  }

  /**
   * Milliseconds since the kind, or the oldest of all kinds, was last known to be current. Infinity before
   * that.
   */
  ageMs(kind?: Kind): number {
    const follower = kind && this.#followers.get(kind)
    if (follower) return follower.ageMs()
    let oldestMs = -Infinity
    for (const each of this.#followers.values()) oldestMs = Math.max(oldestMs, each.ageMs())
    return oldestMs
  }

  /** Why a kind cannot be followed now, in words; undefined while all are followed. */
  get outage(): string | undefined {
    for (const { problem } of this.#followers.values()) if (problem) return problem.error.message
    return undefined
  }

  /** The version up to which the sink has every change of a kind; undefined before its first list. */
  seenUpTo(kind: Kind): string | undefined {
    return this.#followers.get(kind)?.resourceVersion
  }

  /**
   * The objects whose current version could not be read or applied. The sink has an older version of them, or
   * none, so nothing that depends on them is certain.
   */
  get unreadable(): readonly UnreadableObject[] {
    return this.#unreadable.list()
  }

  /** The number of versions of objects that could not be read or applied since the start. */
  get unreadableSeen(): number {
    return this.#unreadable.seen
  }

  /**
   * Resolves once `synced` is true.
   *
   * @throws the signal's reason, or that the feed was stopped, whichever comes first
   */
  async whenSynced(signal: AbortSignal): Promise<void> {
    const forget: (() => void)[] = []
    try {
      await new Promise<void>((resolve, reject) => {
        for (const end of [signal, this.#stopping.signal]) {
          forget.push(onAbort(end, () => reject(abortReason(end))))
          if (end.aborted) reject(abortReason(end))
        }
        void this.#whenSynced.then(resolve)
      })
    } finally {
      for (const each of forget) each()
    }
  }

  /** Resolves when all work has ended and the sink gets no more calls. */
  async stop(): Promise<void> {
    this.#stop()
    await Promise.all([...this.#followers.values()].map((follower) => follower.stop()))
  }

  #retryNow(): void {
    for (const follower of this.#followers.values()) follower.retryNow()
  }

  #stop(): void {
    this.#stopping.abort(new Error('The feed of the disk map was stopped.'))
  }

  #follow(kind: Kind, onSynced: () => void): Follower {
    const { connection, namespace, limits, random } = this.#options
    return new ListWatch<Parsed<LonghornObject>>({
      connection,
      path: `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${kinds[kind].plural}`,
      project: (object: ListedObject) => kinds[kind].parse(object),
      onChange: (change, by) => this.#pass(kind, change, by),
      onSynced: () => {
        this.#listed.add(kind)
        onSynced()
      },
      onOutage: (began) => {
        this.#out.add(kind)
        this.#options.sink.outageBegan?.(began)
      },
      onOutageOver: () => {
        this.#out.delete(kind)
        if (this.#out.size === 0) this.#options.sink.outageEnded?.(this.#clock.monotonic())
      },
      onProblem: (problem) => this.#options.onProblem?.(notFollowed(kind, namespace, problem)),
      // If a back-off keeps some kinds behind, the map shows objects together that never existed together.
      onRecovered: () => this.#retryNow(),
      signal: this.#stopping.signal,
      pace: this.#pace,
      clock: this.#clock,
      ...(limits ? { limits } : {}),
      ...(random ? { random } : {}),
    })
  }

  #pass(kind: Kind, { type, name, value }: CacheChange<Parsed<LonghornObject>>, by: 'list' | 'watch'): void {
    const { sink, onProblem } = this.#options
    const at = this.#clock.monotonic()
    if (type !== 'deleted' && !value.ok) {
      this.#unreadable.add({ kind, name, problem: value.problem })
      onProblem?.(unreadable(kind, name, value.problem))
      return
    }
    try {
      if (type === 'deleted' || !value.ok) sink.remove(kind, name, at, by === 'list')
      else sink.apply(value.value, at, by === 'list' && !this.#listed.has(kind))
      this.#unreadable.delete(kind, name)
    } catch (thrown) {
      const problem = notApplied(kind, name, thrown)
      this.#unreadable.add({ kind, name, problem: `${problem.error.message}, a bug in Holdfast` })
      onProblem?.(problem)
    }
  }
}

// From the table, so that a new kind there is fed too.
const allKinds = Object.keys(kinds).filter(isKind)

function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name)
}
