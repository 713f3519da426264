import type { Clock } from '../time/clock.ts'

/** A source that is read again and again: a certificate with its key, or the authorities of clients. */
interface ReloadSource<T> {
  /** The current value. @throws if there is none now, or the signal's reason */
  read(signal: AbortSignal): Promise<T>
  /** Releases its resources; reading stops. */
  stop(): Promise<void>
}

/** The parts that reloading needs. */
interface ReloadModules<T> {
  /** The reloading owns it and stops it at its end. */
  readonly source: ReloadSource<T>
  readonly timers: Clock
  readonly isSame: (one: T, other: T) => boolean
  /** Starts to serve another value. @throws if that fails; the old one stays */
  readonly serve: (found: T) => void
  readonly onReloaded: (found: T) => void
  /** Called once for each lasting problem. */
  readonly onProblem: (error: unknown) => void
}

/**
 * How often to look, in milliseconds. A new certificate of another replica has to be served within seconds.
 */
const defaultCheckMs = 10_000

/** Serves another value as soon as its source has one. Polling misses no change, on any file system. */
export class Reload<T> {
  readonly #modules: ReloadModules<T>
  readonly #checkMs: number
  readonly #stopping = new AbortController()
  #served: T
  /** The number of failures in a row. */
  #failures = 0
  #check: Promise<void> = Promise.resolve()
  #cancel: () => void

  /** Begins. @param served the value that is served already */
  constructor(served: T, modules: ReloadModules<T>, checkMs = defaultCheckMs) {
    this.#served = served
    this.#modules = modules
    this.#checkMs = checkMs
    this.#cancel = this.#checkLater()
  }

  /** Resolves when all work is done. The server keeps its last value. */
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
      // Certificate and key are two files. Between the two writes they do not fit, so one failure is normal.
      if (this.#failures === 2 && !this.#stopping.signal.aborted) onProblem(error)
    }
  }
}
