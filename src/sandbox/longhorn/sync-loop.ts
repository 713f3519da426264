import type { Clock } from './clock.ts'

/** What a {@link SyncLoop} runs. */
export interface SyncLoopModules {
  readonly clock: Clock
  readonly sync: () => Promise<void>
  /** Hears of a sync that threw; the loop goes on. */
  readonly onFailure: (error: unknown) => void
}

type State = 'stopped' | 'waiting' | 'syncing'

/**
 * Runs a sync from time to time and soon after each change, never two at once. A change during a sync causes one
 * more, so none is missed.
 */
export class SyncLoop {
  readonly #modules: SyncLoopModules
  readonly #syncMs: number
  readonly #reactMs: number
  #state: State = 'stopped'
  /** During a sync: in how many milliseconds the next one is wanted. */
  #nextMs = 0
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(modules: SyncLoopModules, options: { readonly syncMs: number; readonly reactMs: number }) {
    this.#modules = modules
    this.#syncMs = options.syncMs
    this.#reactMs = options.reactMs
  }

  /** Starts with a sync at once. */
  start(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'waiting'
    this.#wakeIn(0)
  }

  /** Something changed: sync soon. */
  wake(): void {
    this.wakeWithin(this.#reactMs)
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
    this.#nextMs = this.#syncMs
    try {
      await this.#modules.sync()
    } catch (error) {
      this.#modules.onFailure(error)
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
