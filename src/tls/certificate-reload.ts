import type { CertificateSource } from './certificate-source.ts'
import type { PemPair } from './pem-pair.ts'
import type { Timers } from './timers.ts'

/** What reloading works with. */
export interface ReloadModules {
  /** Owned from now on: stopped with the reloading. */
  readonly source: CertificateSource
  readonly timers: Timers
  /** Serves another certificate. @throws if it cannot be served; then the old one stays */
  readonly serve: (certificate: PemPair) => void
  readonly onReloaded: (certificate: PemPair) => void
  /** Told once of what lasts. */
  readonly onProblem: (error: unknown) => void
}

/** How often to look, in milliseconds: the certificate of another replica has to be served within seconds of its making. */
export const defaultCheckMs = 10_000

/** Serves another certificate as soon as its source has one. Looking again and again misses nothing, on any file system. */
export class CertificateReload {
  readonly #modules: ReloadModules
  readonly #checkMs: number
  readonly #stopping = new AbortController()
  #served: PemPair
  /** How many times in a row it did not work. */
  #failures = 0
  #check: Promise<void> = Promise.resolve()
  #cancel: () => void

  /** Begins. @param served the certificate that is served already */
  constructor(served: PemPair, modules: ReloadModules, checkMs = defaultCheckMs) {
    this.#served = served
    this.#modules = modules
    this.#checkMs = checkMs
    this.#cancel = this.#checkLater()
  }

  /** Resolves when nothing is under way any more. The certificate that is served stays. */
  async stop(): Promise<void> {
    this.#cancel()
    this.#stopping.abort(new Error('the guard stops'))
    await this.#check
    await this.#modules.source.stop()
  }

  #checkLater(): () => void {
    return this.#modules.timers.setTimer(this.#checkMs, () => {
      this.#check = this.#reload().finally(() => {
        if (!this.#stopping.signal.aborted) this.#cancel = this.#checkLater()
      })
    })
  }

  async #reload(): Promise<void> {
    const { source, serve, onReloaded, onProblem } = this.#modules
    try {
      const found = await source.read(this.#stopping.signal)
      if (found.cert !== this.#served.cert || found.key !== this.#served.key) {
        serve(found)
        this.#served = found
        onReloaded(found)
      }
      this.#failures = 0
    } catch (error) {
      this.#failures += 1
      // Certificate and key are two files: once, between the two writes, they may well not fit.
      if (this.#failures === 2 && !this.#stopping.signal.aborted) onProblem(error)
    }
  }
}
