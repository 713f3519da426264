import type { ControllerModules } from './controller-modules.ts'

/** What a {@link SyncLoop} runs. A sync that throws is reported; the loop goes on. */
export interface SyncWork {
  /** How the report of a failure names it, e.g. `list the nodes`. */
  readonly name: string
  readonly sync: () => Promise<void>
}

type State = 'stopped' | 'waiting' | 'syncing'

/**
 * Runs a sync from time to time and soon after each change, never two at once. A change during a sync causes one
 * more, so none is missed.
 */
export class SyncLoop {
  readonly #modules: ControllerModules
  readonly #work: SyncWork
  #state: State = 'stopped'
  /** During a sync: in how many milliseconds the next one is wanted. */
  #nextMs = 0
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(modules: ControllerModules, work: SyncWork) {
    this.#modules = modules
    this.#work = work
  }

  /** Starts with a sync at once. */
  start(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'waiting'
    this.#wakeIn(0)
  }

  /** Something changed: sync soon. */
  wake(): void {
    this.wakeWithin(this.#modules.options.reactMs)
  }

  /** Something will be due in so many milliseconds: sync then at the latest. */
  wakeWithin(ms: number): void {
    if (this.#state === 'syncing') this.#nextMs = Math.min(this.#nextMs, ms)
    if (this.#state === 'waiting') this.#wakeIn(ms)
  }

  /** Starts no further sync and waits for the one that runs. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#cancelTimer()
    await this.#running
  }

  #wakeIn(ms: number): void {
    const dueMs = this.#modules.clock.now() + ms
    if (this.#timer && this.#timer.dueMs <= dueMs) return
    this.#cancelTimer()
    const cancel = this.#modules.clock.setTimer(ms, () => {
      this.#timer = undefined
      this.#running = this.#run()
    })
    this.#timer = { dueMs, cancel }
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #run(): Promise<void> {
    this.#state = 'syncing'
    this.#nextMs = this.#modules.options.syncMs
    try {
      await this.#work.sync()
    } catch (error) {
      this.#modules.report({ kind: 'failed', work: this.#work.name, error })
    }
    if (this.#isStopped()) return
    this.#state = 'waiting'
    this.#wakeIn(this.#nextMs)
  }

  /** Asked after an await, when stop() may have been called. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }
}
