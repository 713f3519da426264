import type { Clock } from '../time/clock.ts'
import type { CertificateSource } from './folder.ts'
import { nextStep, rotate, type Step } from './rotation.ts'
import { caBundle, type Kept, type PemPair, whyNotServing } from './stored.ts'

/** Where certificates are kept for all replicas. All methods throw when it cannot be reached. */
export interface CertificateStore {
  /** @returns what is kept, with the version of it to write over */
  read(signal: AbortSignal): Promise<{ readonly kept: Kept; readonly version: string }>
  /** @returns false if it is no longer the version that was read; then nothing is written */
  write(kept: Kept, version: string, signal: AbortSignal): Promise<boolean>
}

/** Where the API server is told whom to trust. */
export interface TrustRegistration {
  /** Makes sure that it says so. @returns true if it did already @throws when that cannot be done */
  publish(bundle: string, signal: AbortSignal): Promise<boolean>
  /**
   * Publishes the bundle unless this authority is trusted already. So a replica whose bundle is old by now takes nothing
   * away. @throws when that cannot be done
   */
  ensure(authority: string, bundle: string, signal: AbortSignal): Promise<void>
}

/** Finds out who of the replicas writes. */
export interface Election {
  /** @returns true if this one does, for longer than until it asks again @throws when that cannot be told */
  leads(signal: AbortSignal): Promise<boolean>
  /** Lets another one lead at once. @throws when that cannot be told; then one leads a little later */
  resign(): Promise<void>
}

/** What making one's own certificates works with. */
interface OwnCertificatesModules {
  readonly store: CertificateStore
  readonly registration: TrustRegistration
  readonly election: Election
  /** Its time of day judges certificates, and the API server's does in the end: best of all, that. */
  readonly timers: Clock
  readonly onStep: (step: Exclude<Step, { step: 'nothing' }>) => void
  /** Told of each time that something went wrong: a look a second without a certificate, every ten seconds with one. */
  readonly onProblem: (error: unknown) => void
  /** Told of each look that found all as it should be. */
  readonly onWell: () => void
}

/** Thrown while the replica that makes the certificates has not made any. */
class NoCertificateYet extends Error {
  constructor() {
    super('There is no serving certificate yet; the replica that leads has to make one')
    this.name = 'NoCertificateYet'
  }
}

/** More steps than this at once are somebody else's fight over what is kept. */
const maxSteps = 5

/** How long to wait for the first certificate before looking again, in milliseconds. */
const firstRetryMs = 1_000

/** What a replica does that does not lead, where nothing that is kept can be served: takes that, waits, or makes another. */
type Patience = 'takes' | 'waits' | 'makes'

/**
 * A replica without a certificate that can be served makes one itself after so long, in milliseconds, whichever leads: the one that leads
 * may have been killed, and its Lease lasts longer. What is kept is written over one version only, so one of them wins.
 */
const firstPatienceMs = 5_000

/**
 * Of the time between two looks at most this counts, in milliseconds: after a sleep of the machine the others have not
 * looked either, and serve what they served before.
 */
const maxLookGapMs = 10 * 60_000

/**
 * A guard's own authority and serving certificate, kept where all replicas find them. One replica leads: it makes,
 * renews and publishes. The others read, and publish what the API server does not trust at all.
 */
export class OwnCertificates implements CertificateSource {
  readonly #names: readonly string[]
  readonly #modules: OwnCertificatesModules
  /** For how long what is kept and what is published have been as they are, up to the last look at them. */
  #settled: { readonly version: string; readonly forMs: number; readonly lookedAt: number } | undefined
  /** How often something went wrong. */
  #problems = 0

  /** @param names what the server is called by: `<service>.<namespace>.svc` */
  constructor(names: readonly string[], modules: OwnCertificatesModules) {
    this.#names = names
    this.#modules = modules
  }

  async first(signal: AbortSignal): Promise<PemPair> {
    const { timers } = this.#modules
    const since = timers.monotonic()
    for (;;) {
      try {
        return await this.#look(signal, timers.monotonic() - since >= firstPatienceMs ? 'makes' : 'waits')
      } catch (error) {
        signal.throwIfAborted()
        this.#tell(error)
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
      // The others find out by themselves, a little later.
      this.#tell(error)
    }
  }

  async #look(signal: AbortSignal, patience: Patience): Promise<PemPair> {
    const before = this.#problems
    const leads = await this.#leads(signal)
    const kept = leads ? await this.#lead(signal) : await this.#follow(signal, patience)
    if (kept.serving === undefined) throw new NoCertificateYet()
    if (this.#problems === before) this.#modules.onWell()
    return kept.serving
  }

  /** Nobody can be elected while Leases cannot be written, but what is kept may still be read. */
  async #leads(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#modules.election.leads(signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#tell(error)
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
      this.#tell(error)
    }
    return kept
  }

  /** A registration that was made anew trusts nobody, and waiting for the Lease of a dead leader would take 30 s. */
  async #follow(signal: AbortSignal, patience: Patience): Promise<Kept> {
    const { store, registration } = this.#modules
    let { kept } = await store.read(signal)
    if (patience !== 'takes' && !this.#canServe(kept)) {
      if (patience === 'waits') throw new NoCertificateYet()
      ;({ kept } = await this.#advance(signal))
    }
    if (kept.serving === undefined || kept.authority === undefined) return kept
    try {
      await registration.ensure(kept.authority.cert, caBundle(kept), signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#tell(error)
    }
    return kept
  }

  /** What the API server would not take is as good as none at the start: a leader that was killed mends it only after 30 s. */
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
      const next = nextStep(kept, { now: timers.now(), names: this.#names, settledMs })
      if (next.step === 'nothing' || steps === maxSteps) return found
      const changed = await rotate(kept, next, { dns: this.#names, ips: [] }, timers)
      // If somebody else was quicker, what there is now is looked at.
      if (await store.write(changed, version, signal)) onStep(next)
    }
  }

  /** For how long this version has stood, in milliseconds. */
  #settledMs(version: string, now: number): number {
    if (this.#settled?.version !== version) return 0
    const { forMs, lookedAt } = this.#settled
    return forMs + Math.min(now - lookedAt, maxLookGapMs)
  }

  /** The same problem comes with each look, and two of them take turns. */
  #tell(error: unknown): void {
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
