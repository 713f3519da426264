import { LRUCache } from 'lru-cache'
import type { ForwardedPort } from '../../kubernetes/client/port-forward.ts'
import type { AuditRecord } from '../../observability/audit-record.ts'
import { RecentRecords } from '../../observability/audit-sinks.ts'
import type { StateParts, WaitingView } from '../../page/state-schema.ts'
import { joined, stepMs, type Trend } from '../../page/trend.ts'
import { inWords } from '../../text/system-error.ts'
import { type Clock, pause } from '../../time/clock.ts'
import { FollowedReplica } from './followed-replica.ts'

/** Finds the ways to the replicas that run now. @throws with the reason if there is none */
type ReachReplicas = (
  signal: AbortSignal,
  note: (why: string) => void,
) => Promise<readonly Pick<ForwardedPort, 'url' | 'close'>[]>

/** After so long the replicas are looked for again, in milliseconds. */
const againMs = 2_000

/** More than the records that are kept. */
const rememberedRecords = 5_000

/** All replicas of the guard, followed for as long as they run, and looked for again when one is gone. */
export class FollowedGuard {
  readonly records = new RecentRecords()
  readonly #reach: ReachReplicas
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  readonly #trendListeners = new Set<() => void>()
  /** Each record comes again with each connection. */
  readonly #known = new LRUCache<string, true>({ max: rememberedRecords })
  #replicas: readonly FollowedReplica[] = []
  #problem: string | null = 'The guard has not been asked yet.'

  constructor(reach: ReachReplicas, clock: Clock) {
    this.#reach = reach
    this.#clock = clock
  }

  /** What they say of themselves. */
  get guard(): StateParts['guard'] {
    const told = this.#replicas.flatMap(({ guard }) => guard ?? [])
    const modes = new Set(told.map(({ mode }) => mode))
    const [mode = null] = modes
    return {
      mode: modes.size > 1 ? 'mixed' : mode,
      rules: told[0]?.rules ?? null,
      replicas: told.flatMap(({ replicas }) => replicas),
      problem: this.#problem,
    }
  }

  /** What all of them hold, the longest first. */
  get waiting(): WaitingView[] {
    return this.#replicas.flatMap(({ waiting }) => waiting).toSorted((one, other) => one.since - other.since)
  }

  /** What all of them have counted in the last hour. */
  trend(): Trend {
    return joined(this.#replicas.flatMap(({ trend }) => trend ?? []))
  }

  /** Calls the listener whenever something is different. @returns ends it */
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
    const cancel = this.#tellSteps()
    while (!signal.aborted) {
      await this.#followAll(signal)
      await pause(this.#clock, againMs, signal)
    }
    cancel()
  }

  /** Until one of them is gone: then others may have come. */
  async #followAll(signal: AbortSignal): Promise<void> {
    const round = new AbortController()
    const within = AbortSignal.any([signal, round.signal])
    let why: string | undefined
    let ports: Awaited<ReturnType<ReachReplicas>> = []
    try {
      ports = await this.#reach(within, (text) => (why ??= text))
      const replicas = ports.map(() => new FollowedReplica(this.#hears(), this.#clock))
      this.#replicas = replicas
      this.#problem = null
      await Promise.race(
        replicas.map(async (replica, index) => {
          await replica.follow(ports[index]?.url ?? '', within)
        }),
      )
    } catch (error) {
      if (!signal.aborted) this.#gone(why ?? inWords(error))
    } finally {
      round.abort()
      for (const { close } of ports) close()
    }
  }

  #gone(why: string): void {
    this.#replicas = []
    this.#problem = `The guard cannot be asked, so waiting requests and new decisions are not shown: ${why}.`
    this.#tell()
  }

  #hears(): ConstructorParameters<typeof FollowedReplica>[0] {
    return { changed: () => this.#tell(), record: (record) => this.#take(record) }
  }

  #take(record: AuditRecord): void {
    const key = JSON.stringify([record.replica, record.uid, record.time])
    if (this.#known.has(key)) return
    this.#known.set(key, true)
    this.records.write(record)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  #tellSteps(): () => void {
    let cancel = (): void => undefined
    const step = (): void => {
      for (const listener of this.#trendListeners) listener()
      cancel = this.#clock.setTimer(stepMs, step)
    }
    step()
    return () => cancel()
  }
}
