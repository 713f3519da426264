import { crashing, type Crash } from './promises.ts'
import type { Scenario } from './scenario.ts'
import type { Store } from './store.ts'
import type { ModelTime } from './time.ts'

/** So long a manager of Longhorn may work on a version that was replaced: its caches lag, and a sync takes its time. */
const readersLagMs = 10_000

/** So long after an outage its watches may still be coming back, one kind before the other. */
const readersLagAfterOutageMs = 90_000

/** The versions that Longhorn's managers may still read: any that was current lately. */
export class Readers {
  readonly #store: Store
  readonly #time: ModelTime
  readonly #profile: Scenario['profile']
  #outage: { readonly began: number; readonly ended: number } | undefined

  constructor(store: Store, time: ModelTime, profile: Scenario['profile']) {
    this.#store = store
    this.#time = time
    this.#profile = profile
  }

  /** No manager still reads a version that was replaced by then; in model milliseconds. */
  get since(): number {
    const { now } = this.#time
    const calm = now - readersLagMs
    return this.#outage && this.areCutOff ? Math.min(calm, this.#outage.began - readersLagMs) : calm
  }

  /** True while their watches may still be coming back after an outage. */
  get areCutOff(): boolean {
    return this.#outage !== undefined && this.#time.now < this.#outage.ended + readersLagAfterOutageMs
  }

  /** The nodes whose manager crashes, whichever versions it has in hand. */
  crashes(): Crash[] {
    // Time stops once a lagging manager has seen the last write.
    if (this.#store.past(this.since).length > 0) this.#time.mark(readersLagMs)
    return crashing(this.#store, this.#profile, this.since)
  }

  /** All watches break and come back, those of the managers some time later. */
  breakWatches(): void {
    const { now } = this.#time
    const began = this.since < now - readersLagMs ? (this.#outage?.began ?? now) : now
    this.#outage = { began, ended: now }
    this.#time.mark(readersLagAfterOutageMs)
  }

  /** The versions that a manager may still read, and for how long, to distinguish states. */
  inHand(): string {
    const { now } = this.#time
    const past = this.#store.past(this.since)
    const versions = past.map(
      ({ object: { kind, metadata }, until }) =>
        `${kind}${metadata.name}v${metadata.resourceVersion}:${now - until}`,
    )
    const outage = this.#outage && this.since < now - readersLagMs ? now - this.#outage.ended : 'none'
    return `${versions.join()}|${outage}`
  }
}
