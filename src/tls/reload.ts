import type { Clock } from '../time/clock.ts'

/** What is read again and again: a certificate with its key, or those who sign for clients. */
interface ReloadSource<T> {
  /** What there is now. @throws when there is nothing to be had now, or the signal's reason */
  read(signal: AbortSignal): Promise<T>
  /** Lets go of what it holds; nothing is read any more. */
  stop(): Promise<void>
}

/** What reloading works with. */
interface ReloadModules<T> {
  /** Owned from now on: stopped with the reloading. */
  readonly source: ReloadSource<T>
  readonly timers: Clock
  readonly isSame: (one: T, other: T) => boolean
  /** Serves with another one. @throws if that cannot be done; then the old one stays */
  readonly serve: (found: T) => void
  readonly onReloaded: (found: T) => void
  /** Told once of what lasts. */
  readonly onProblem: (error: unknown) => void
}

/** How often to look, in milliseconds: the certificate of another replica has to be served within seconds of its making. */
const defaultCheckMs = 10_000

/** Serves with another one as soon as its source has one. Looking again and again misses nothing, on any file system. */
export class Reload<T> {
  readonly #modules: ReloadModules<T>
  readonly #checkMs: number
  readonly #stopping = new AbortController()
  #served: T
  /** How many times in a row it did not work. */
  #failures = 0
  #check: Promise<void> = Promise.resolve()
  #cancel: () => void

  /** Begins. @param served what is served with already */
  constructor(served: T, modules: ReloadModules<T>, checkMs = defaultCheckMs) {
    this.#served = served
    this.#modules = modules
    this.#checkMs = checkMs
    this.#cancel = this.#checkLater()
  }

  /** Resolves when nothing is under way any more. What is served with stays. */
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
    const { source, isSame, serve, onReloaded, onProblem } = this.#modules
    try {
      const found = await source.read(this.#stopping.signal)
      if (!isSame(found, this.#served)) {
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
