import { LRUCache } from 'lru-cache'
import type { ForwardedPort } from '../../kubernetes/client/port-forward.ts'
import type { AuditRecord } from '../../observability/audit-record.ts'
import { RecentRecords } from '../../observability/audit-sinks.ts'
import type { StateParts, WaitingView } from '../../page/state-schema.ts'
import { joined, stepMs, type Trend } from '../../page/trend.ts'
import { inWords } from '../../text/system-error.ts'
import { type Clock, onAbort, pause } from '../../time/clock.ts'
import { FollowedReplica } from './followed-replica.ts'

/** A way to a replica, and the name of the replica. */
type Way = Pick<ForwardedPort, 'url' | 'close'> & { readonly name: string }

/**
 * Finds the ways to the replicas that run now.
 *
 * @param note called with the reason when a connection to a replica cannot be made
 * @param isKnown true for a replica that is followed already
 * @throws with the reason if there is none
 */
type ReachReplicas = (
  signal: AbortSignal,
  note: (why: string, name: string) => void,
  isKnown: (name: string) => boolean,
) => Promise<readonly Way[]>

/** The pauses between two looks for replicas, in milliseconds. */
interface Pauses {
  /** Other replicas may have started meanwhile. */
  readonly usually: number
  /** While a replica is missing. */
  readonly whileMissing: number
}

const defaultPauses: Pauses = { usually: 10_000, whileMissing: 2_000 }

/** More than the records that are kept. */
const rememberedRecords = 5_000

/** All replicas of the guard, each followed for as long as it runs. Others are looked for all the time. */
export class FollowedGuard {
  readonly records = new RecentRecords()
  readonly #reach: ReachReplicas
  readonly #clock: Clock
  readonly #pauses: Pauses
  readonly #listeners = new Set<() => void>()
  readonly #trendListeners = new Set<() => void>()
  /** Each record comes again with each connection. */
  readonly #known = new LRUCache<string, true>({ max: rememberedRecords })
  readonly #followed = new Map<string, FollowedReplica>()
  /** Why a replica that runs is not followed, by its name. */
  readonly #missing = new Map<string, string>()
  readonly #following = new Set<Promise<void>>()
  #hasLooked = false
  /** Why no replicas, or no others, can be found. */
  #notFound: string | null = null
  #lookSoon: () => void = () => undefined

  constructor(reach: ReachReplicas, clock: Clock, pauses: Pauses = defaultPauses) {
    this.#reach = reach
    this.#clock = clock
    this.#pauses = pauses
  }

  /** The replicas, and the configuration that they report. */
  get guard(): StateParts['guard'] {
    const reported = [...this.#followed.values()].flatMap(({ guard }) => guard ?? [])
    const modes = new Set(reported.map(({ mode }) => mode))
    const [mode = null] = modes
    return {
      mode: modes.size > 1 ? 'mixed' : mode,
      rules: reported[0]?.rules ?? null,
      policy: reported[0]?.policy ?? null,
      replicas: reported.flatMap(({ replicas }) => replicas),
      problem: this.#problem(),
    }
  }

  /** The changes that all of them hold, the longest first. */
  get waiting(): WaitingView[] {
    return [...this.#followed.values()]
      .flatMap(({ waiting }) => waiting)
      .toSorted((one, other) => one.since - other.since)
  }

  /** The counts of all of them, in the last hour. */
  trend(): Trend {
    return joined([...this.#followed.values()].flatMap(({ trend }) => trend ?? []))
  }

  /** Calls the listener after each change. @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls the listener whenever there may be another step of the trend. @returns ends it */
  subscribeTrend(listener: () => void): () => void {
    this.#trendListeners.add(listener)
    return () => this.#trendListeners.delete(listener)
  }

  /** Follows them until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const cancel = this.#notifyEachStep()
    while (!signal.aborted) {
      await this.#look(signal)
      await this.#rest(signal)
    }
    cancel()
    await Promise.all(this.#following)
  }

  /** Looks for replicas that are not followed yet. */
  async #look(signal: AbortSignal): Promise<void> {
    const whys = new Map<string, string>()
    const note = (why: string, name: string): void => {
      if (!whys.has(name)) whys.set(name, why)
    }
    try {
      const ways = await this.#reach(signal, note, (name) => this.#followed.has(name))
      this.#notFound = null
      // A replica that has ended is not missing.
      const names = new Set(ways.map(({ name }) => name))
      for (const name of this.#missing.keys()) if (!names.has(name)) this.#missing.delete(name)
      for (const way of ways) this.#follow(way, whys, signal)
    } catch (error) {
      if (signal.aborted) return
      this.#missing.clear()
      this.#notFound = inWords(error)
    }
    this.#hasLooked = true
    this.#notify()
  }

  #follow({ name, url, close }: Way, whys: ReadonlyMap<string, string>, signal: AbortSignal): void {
    const changed = (): void => {
      this.#missing.delete(name)
      this.#notify()
    }
    const replica = new FollowedReplica({ changed, record: (record) => this.#take(record) }, this.#clock)
    this.#followed.set(name, replica)
    const following = replica
      .follow(url, signal)
      .catch((error: unknown) => {
        if (signal.aborted) return
        this.#followed.delete(name)
        // The request only knows that the connection broke; the port-forward has reported why.
        this.#missing.set(name, whys.get(name) ?? inWords(error))
        this.#notify()
        this.#lookSoon()
      })
      .finally(() => {
        close()
        this.#following.delete(following)
      })
    this.#following.add(following)
  }

  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#missing.size === 0 && this.#notFound === null) {
      const woken = new AbortController()
      this.#lookSoon = () => woken.abort()
      const forget = onAbort(signal, this.#lookSoon)
      await pause(this.#clock, this.#pauses.usually, woken.signal)
      forget()
      this.#lookSoon = () => undefined
      if (!woken.signal.aborted) return
    }
    await pause(this.#clock, this.#pauses.whileMissing, signal)
  }

  /** A sentence for people; null if all that run are followed. */
  #problem(): string | null {
    if (!this.#hasLooked) return 'The guard has not been asked yet.'
    const [first] = this.#missing
    const followed = [...this.#followed.values()].some(({ guard }) => guard !== undefined)
    if (!followed) {
      const why = this.#notFound ?? first?.[1]
      return why === undefined
        ? null
        : `The guard cannot be asked, so waiting requests and new decisions are not shown: ${why}.`
    }
    if (this.#notFound !== null) return `Other replicas of the guard cannot be looked for: ${this.#notFound}.`
    if (!first) return null
    const [name, why] = first
    return this.#missing.size === 1
      ? `Replica ${name} cannot be asked, so the requests that wait there and its new decisions are not shown: ${why}.`
      : `${this.#missing.size} replicas cannot be asked, so the requests that wait there and their new decisions are not shown. ${name}: ${why}.`
  }

  #take(record: AuditRecord): void {
    const key = JSON.stringify([record.replica, record.uid, record.time])
    if (this.#known.has(key)) return
    this.#known.set(key, true)
    this.records.write(record)
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }

  #notifyEachStep(): () => void {
    let cancel = (): void => undefined
    const step = (): void => {
      for (const listener of this.#trendListeners) listener()
      cancel = this.#clock.setTimer(stepMs, step)
    }
    step()
    return () => cancel()
  }
}
