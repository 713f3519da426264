import { type Contents, keepsMarks, type Entry, type ReservationBook } from '../../gate/reservation-book.ts'
import type { Parsed } from '../../json/schema.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Clock } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, type JsonRequest, MalformedAnswer } from '../client/json-request.ts'
import type { CacheChange } from '../watch/cache.ts'
import { ListWatch } from '../watch/list-watch.ts'
import { leaseName, leaseOf, entryOf, renewalOf } from './lease-format.ts'

/** Where the book is, and its writer. */
interface LeaseBookOptions {
  readonly connection: Connection
  /** The guard's namespace, the same for all replicas. */
  readonly namespace: string
  /** The name of this replica, for people who read the Leases. */
  readonly replica: string
  readonly clock: Clock
  /** Called once for each new problem. */
  readonly onProblem: (error: Error) => void
  /** Called with the writer and the time of each Lease that the watch brings. */
  readonly onRenewed?: (holder: string, renewedAt: number) => void
}

/**
 * How long each Lease without marks is remembered separately. Before that, all count as the last of them,
 * which errs on the safe side.
 */
const unmarkedMs = 60_000

/**
 * How many deleted entries keep their last version. Beyond that a late answer may bring one back for a while.
 */
const maxGone = 1_000

/** A Lease in the watch; a Lease outside the book has no entry. */
interface Seen {
  readonly entry: Parsed<Entry> | undefined
  readonly renewal: ReturnType<typeof renewalOf>
}

/**
 * The book of reservations as Leases, one for each node. It watches them, so the swap of an unchanged entry
 * costs one round trip. The constructor starts it. It does not own the connection.
 */
export class LeaseBook implements ReservationBook {
  readonly #options: LeaseBookOptions
  readonly #path: string
  readonly #follower: ListWatch<Seen>
  readonly #entries = new Map<string, Entry>()
  /** Versions that this process has written or removed. Older ones from the watch are ignored. */
  readonly #newest = new Map<string, string>()
  /**
   * When the watch last brought a Lease without marks, or its deletion, by name and monotonic time, the
   * oldest first.
   */
  readonly #unmarkedAt = new Map<string, number>()
  /** The same for any Lease that is no longer in that map. */
  #unmarkedBefore = -Infinity
  /** Names of Leases that another writer has changed since the last read: their content is not known. */
  readonly #outdated = new Set<string>()
  /** Names of Leases that cannot be read, each with its entry before. */
  readonly #unreadable = new Map<string, Entry | undefined>()
  readonly #listeners = new Set<(key: string) => void>()

  constructor(options: LeaseBookOptions) {
    this.#options = options
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`
    this.#follower = new ListWatch<Seen>({
      connection: options.connection,
      path: this.#path,
      project: (object) => ({ entry: entryOf(object), renewal: renewalOf(object) }),
      onChange: (change) => this.#saw(change),
      onProblem: ({ error }) => options.onProblem(error),
      clock: options.clock,
    })
  }

  /** True once all Leases were listed. Before that each entry is read before it is swapped. */
  get synced(): boolean {
    return this.#follower.synced
  }

  seen(key: string): Entry | undefined {
    const name = leaseName(key)
    if (!this.synced || this.#unreadable.has(name) || this.#outdated.has(name)) return undefined
    return this.#entries.get(key) ?? emptyEntry(key)
  }

  entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  async read(key: string, signal: AbortSignal): Promise<Entry> {
    const before = this.#newest.get(key)
    const lease = await this.#ask({ method: 'GET', path: this.#pathOf(key), signal }, [404])
    if (lease !== undefined) return this.#keep(readEntry(lease))
    // "Not found" has no version: an entry that has come meanwhile is newer.
    if (this.#newest.get(key) === before) this.#forget(key)
    return emptyEntry(key)
  }

  async swap(
    entry: Entry,
    { reservations, marks }: Contents,
    signal: AbortSignal,
  ): Promise<Entry | undefined> {
    if (reservations.length === 0 && !marks) return await this.#remove(entry, signal)
    const lease = leaseOf(
      { ...entry, reservations, marks },
      { replica: this.#options.replica, now: this.#options.clock.now() },
    )
    const written =
      entry.version === undefined
        ? await this.#ask({ method: 'POST', path: this.#path, json: lease, signal }, [409])
        : await this.#ask({ method: 'PUT', path: this.#pathOf(entry.key), json: lease, signal }, [404, 409])
    if (written !== undefined) return this.#keep(readEntry(written))
    this.#mistrust(entry)
    return undefined
  }

  markedSince({ key, version }: Entry): number | undefined {
    const { resourceVersion, listedAt } = this.#follower
    if (listedAt === undefined || resourceVersion === undefined) return undefined
    if (version !== undefined && isOlder(resourceVersion, version)) return undefined
    return Math.max(listedAt, this.#unmarkedAt.get(leaseName(key)) ?? this.#unmarkedBefore)
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when no watch is open. */
  async stop(): Promise<void> {
    await this.#follower.stop()
  }

  async #remove(entry: Entry, signal: AbortSignal): Promise<Entry | undefined> {
    const { key, version } = entry
    if (version === undefined) return entry
    const json = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { resourceVersion: version } }
    const gone = await this.#ask({ method: 'DELETE', path: this.#pathOf(key), json, signal }, [404, 409])
    if (gone === undefined) {
      this.#mistrust(entry)
      return undefined
    }
    if (this.#entries.get(key)?.version === version) this.#forget(key)
    return emptyEntry(key)
  }

  /**
   * An entry that is known to have changed counts as unknown, until a read or the watch shows its new content.
   * Listeners are not called: there is no news yet.
   */
  #mistrust({ key, version }: Entry): void {
    if (this.#entries.get(key)?.version !== version) return
    this.#entries.delete(key)
    this.#outdated.add(leaseName(key))
  }

  #forget(key: string): void {
    const wasThere = this.#entries.delete(key)
    if (this.#outdated.delete(leaseName(key)) || wasThere) this.#notify(key)
  }

  /** A write of this process counts at once, before the watch brings it. */
  #keep(entry: Entry): Entry {
    if (this.#isNews(entry)) this.#put(entry)
    return entry
  }

  #saw({ type, name, value: { entry, renewal } }: CacheChange<Seen>): void {
    // The Leases of a list may have been written at any time.
    if (type !== 'deleted' && renewal && this.synced) this.#options.onRenewed?.(renewal.holder, renewal.at)
    const before = this.#unreadable.get(name)
    this.#unreadable.delete(name)
    if (entry === undefined) return
    if (!entry.ok) {
      this.#noteUnmarked(name)
      if (type === 'deleted') {
        this.#forgetUnreadable(name, before)
        return
      }
      this.#unreadable.set(
        name,
        [...this.entries()].find(({ key }) => leaseName(key) === name),
      )
      this.#options.onProblem(new Error(entry.problem))
      return
    }
    const { key, version, marks } = entry.value
    if (keepsMarks(key) && (type === 'deleted' || !marks)) this.#noteUnmarked(name)
    if (type !== 'deleted') {
      if (this.#isNews(entry.value)) this.#put(entry.value)
      // Its writer may wait for the watch to catch up.
      else if (version === this.#newest.get(key)) this.#notify(key)
    } else if (!this.#knowsNewer(entry.value)) {
      this.#forget(key)
    }
  }

  #noteUnmarked(name: string): void {
    const now = this.#options.clock.monotonic()
    this.#unmarkedAt.delete(name)
    this.#unmarkedAt.set(name, now)
    for (const [oldest, at] of this.#unmarkedAt) {
      if (now - at <= unmarkedMs) break
      this.#unmarkedAt.delete(oldest)
      this.#unmarkedBefore = at
    }
  }

  /**
   * A Lease that could not be read is gone, and its entry before with it. An entry that was created since stays.
   */
  #forgetUnreadable(name: string, before: Entry | undefined): void {
    this.#outdated.delete(name)
    if (before && this.#entries.get(before.key) === before) this.#forget(before.key)
  }

  #isNews({ key, version }: Entry): boolean {
    const newest = this.#newest.get(key)
    return newest === undefined || version === undefined || isOlder(newest, version)
  }

  /** True if the entry was created since. */
  #knowsNewer({ key, version }: Entry): boolean {
    const newest = this.#newest.get(key)
    return newest !== undefined && version !== undefined && isOlder(version, newest)
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.key, entry)
    this.#outdated.delete(leaseName(entry.key))
    if (entry.version !== undefined) {
      this.#newest.delete(entry.key)
      this.#newest.set(entry.key, entry.version)
    }
    this.#forgetOldest()
    this.#notify(entry.key)
  }

  /** The versions of entries that came first. */
  #forgetOldest(): void {
    let tooMany = this.#newest.size - this.#entries.size - maxGone
    for (const key of tooMany > 0 ? this.#newest.keys() : []) {
      if (tooMany <= 0) break
      if (!this.#entries.has(key) && this.#newest.delete(key)) tooMany -= 1
    }
  }

  #notify(key: string): void {
    for (const listener of this.#listeners) listener(key)
  }

  #pathOf(key: string): string {
    return `${this.#path}/${encodeURIComponent(leaseName(key))}`
  }

  /** @returns undefined for an expected failure */
  async #ask(request: JsonRequest, expected: readonly number[]): Promise<unknown> {
    try {
      return await jsonRequest(this.#options.connection, request)
    } catch (error) {
      if (error instanceof ApiFailure && expected.includes(error.code)) return undefined
      throw error
    }
  }
}

function emptyEntry(key: string): Entry {
  return { key, version: undefined, reservations: [] }
}

function readEntry(lease: unknown): Entry {
  const entry = entryOf(lease)
  if (entry?.ok) return entry.value
  throw new MalformedAnswer(entry?.problem ?? 'The answer is no Lease of the book of reservations.')
}
