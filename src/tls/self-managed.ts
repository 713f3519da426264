import type { Clock } from '../time/clock.ts'
import type { CertificateSource } from './folder.ts'
import { nextRotationStep, rotate, type RotationStep } from './rotation.ts'
import { caBundle, type Kept, type PemPair, whyNotServing } from './stored.ts'

/** The store of certificates for all replicas. All methods throw if it cannot be reached. */
export interface CertificateStore {
  /** @returns the stored certificates, with their version for the next write */
  read(signal: AbortSignal): Promise<{ readonly kept: Kept; readonly version: string }>
  /** @returns false if the version has changed since the read; then nothing is written */
  write(kept: Kept, version: string, signal: AbortSignal): Promise<boolean>
}

/** The place where the API server reads which authorities to trust. */
export interface TrustRegistration {
  /** Publishes the bundle. @returns true if it was published already @throws if publishing fails */
  publish(bundle: string, signal: AbortSignal): Promise<boolean>
  /**
   * Publishes the bundle unless this authority is trusted already. So a replica with an old bundle removes
   * nothing.
   *
   * @throws if publishing fails
   */
  ensure(authority: string, bundle: string, signal: AbortSignal): Promise<void>
}

/** The election of the replica that writes. */
export interface Election {
  /**
   * @returns true if this replica leads, for longer than until its next question
   * @throws if the election cannot be read
   */
  leads(signal: AbortSignal): Promise<boolean>
  /**
   * Lets another replica lead at once.
   *
   * @throws if the election cannot be written; then another one leads a little later
   */
  resign(): Promise<void>
}

/** The parts that self-managed certificates need. */
interface OwnCertificatesModules {
  readonly store: CertificateStore
  readonly registration: TrustRegistration
  readonly election: Election
  /**
   * The time of day that judges certificates. The API server decides in the end, so its time is the best one.
   */
  readonly timers: Clock
  readonly onStep: (step: Exclude<RotationStep, { step: 'nothing' }>) => void
  /**
   * Called for each problem: with every look, once a second without a certificate, every ten seconds with
   * one.
   */
  readonly onProblem: (error: unknown) => void
  /** Called for each look that finds everything in order. */
  readonly onWell: () => void
}

/** Thrown while the replica that makes the certificates has not made any. */
class NoCertificateYet extends Error {
  constructor() {
    super('The leading replica has not made a serving certificate yet')
    this.name = 'NoCertificateYet'
  }
}

/** Limit of steps at once. More of them mean that another process fights over the Secret. */
const maxSteps = 5

/** How long to wait for the first certificate before the next look, in milliseconds. */
const firstRetryMs = 1_000

/**
 * The next step of a replica that does not lead: use the stored certificate, wait for a usable one, or make
 * another.
 */
type WithoutLead = 'takes' | 'waits' | 'makes'

/**
 * A replica without a usable certificate makes one itself after this time, in milliseconds, whether or not it
 * leads. The leader may have been killed, and its Lease lasts longer. Each write is conditional on one
 * version, so one replica wins.
 */
const makesOwnAfterMs = 5_000

/**
 * Limit of the time that counts between two looks, in milliseconds. After a suspend of the machine the other
 * replicas have not looked either, and serve their old certificates.
 */
const maxLookGapMs = 10 * 60_000

/**
 * A guard's own authority and serving certificate, in a store that all replicas read. One replica leads: it
 * makes, renews and publishes. The others read, and publish only where the API server trusts none of the
 * authorities.
 */
export class OwnCertificates implements CertificateSource {
  readonly #names: readonly string[]
  readonly #modules: OwnCertificatesModules
  /** How long the stored and the published certificates have been unchanged, up to the last look. */
  #settled: { readonly version: string; readonly forMs: number; readonly lookedAt: number } | undefined
  /** The number of problems so far. */
  #problems = 0

  /** @param names of the server: `<service>.<namespace>.svc` */
  constructor(names: readonly string[], modules: OwnCertificatesModules) {
    this.#names = names
    this.#modules = modules
  }

  async first(signal: AbortSignal): Promise<PemPair> {
    const { timers } = this.#modules
    const since = timers.monotonic()
    for (;;) {
      try {
        return await this.#look(signal, timers.monotonic() - since >= makesOwnAfterMs ? 'makes' : 'waits')
      } catch (error) {
        signal.throwIfAborted()
        this.#report(error)
      }
      await this.#pause(firstRetryMs, signal)
    }
  }

  async read(signal: AbortSignal): Promise<PemPair> {
    return await this.#look(signal, 'takes')
  }

  async stop(): Promise<void> {
    try {
      await this.#modules.election.resign()
    } catch (error) {
      // The other replicas notice by themselves, a little later.
      this.#report(error)
    }
  }

  async #look(signal: AbortSignal, withoutLead: WithoutLead): Promise<PemPair> {
    const before = this.#problems
    const leads = await this.#leads(signal)
    const kept = leads ? await this.#lead(signal) : await this.#follow(signal, withoutLead)
    if (kept.serving === undefined) throw new NoCertificateYet()
    if (this.#problems === before) this.#modules.onWell()
    return kept.serving
  }

  /** Without writable Leases there is no leader, but the stored certificates may still be readable. */
  async #leads(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#modules.election.leads(signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#report(error)
      return false
    }
  }

  async #lead(signal: AbortSignal): Promise<Kept> {
    const { timers } = this.#modules
    const { kept, version } = await this.#advance(signal)
    try {
      const settled = await this.#modules.registration.publish(caBundle(kept), signal)
      const now = timers.monotonic()
      this.#settled = { version, forMs: settled ? this.#settledMs(version, now) : 0, lookedAt: now }
    } catch (error) {
      signal.throwIfAborted()
      this.#settled = undefined
      this.#report(error)
    }
    return kept
  }

  /** A new registration has no caBundle, and waiting for the Lease of a dead leader would take 30 s. */
  async #follow(signal: AbortSignal, withoutLead: WithoutLead): Promise<Kept> {
    const { store, registration } = this.#modules
    let { kept } = await store.read(signal)
    if (withoutLead !== 'takes' && !this.#canServe(kept)) {
      if (withoutLead === 'waits') throw new NoCertificateYet()
      ;({ kept } = await this.#advance(signal))
    }
    if (kept.serving === undefined || kept.authority === undefined) return kept
    try {
      await registration.ensure(kept.authority.cert, caBundle(kept), signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#report(error)
    }
    return kept
  }

  /**
   * At the start, a certificate that the API server would reject counts as missing. A leader that was killed
   * would replace it only after 30 s.
   */
  #canServe({ serving, authority }: Kept): boolean {
    if (serving === undefined || authority === undefined) return false
    return whyNotServing(serving, authority.cert, this.#names, this.#modules.timers.now()) === undefined
  }

  async #advance(signal: AbortSignal): Promise<{ readonly kept: Kept; readonly version: string }> {
    const { store, timers, onStep } = this.#modules
    for (let steps = 0; ; steps += 1) {
      const found = await store.read(signal)
      const { kept, version } = found
      const settledMs = this.#settledMs(version, timers.monotonic())
      const next = nextRotationStep(kept, { now: timers.now(), names: this.#names, settledMs })
      if (next.step === 'nothing' || steps === maxSteps) return found
      const changed = await rotate(kept, next, { dns: this.#names, ips: [] }, timers)
      // If another replica was quicker, use its result.
      if (await store.write(changed, version, signal)) onStep(next)
    }
  }

  /** How long this version has been unchanged, in milliseconds. */
  #settledMs(version: string, now: number): number {
    if (this.#settled?.version !== version) return 0
    const { forMs, lookedAt } = this.#settled
    return forMs + Math.min(now - lookedAt, maxLookGapMs)
  }

  /** The same problem comes with each look, and two of them can alternate. */
  #report(error: unknown): void {
    this.#problems += 1
    this.#modules.onProblem(error)
  }

  /** Ends early when the signal aborts. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const over = (): void => {
        cancel()
        signal.removeEventListener('abort', over)
        resolve()
      }
      const cancel = this.#modules.timers.setTimer(ms, over)
      signal.addEventListener('abort', over)
    })
    signal.throwIfAborted()
  }
}
