import type { Clock } from '../../time/clock.ts'
import type { ClusterView } from './cluster-view.ts'
import type { LonghornOptions } from './options.ts'
import type { Report } from './report.ts'
import type { Writer } from './writer.ts'

/** What a controller does, and how a report of its failures names it. */
interface ControllerWork {
  /** What a sync does before it starts tasks, e.g. `list the replicas`. */
  readonly name: string
  /** Looks at the cluster once and starts the tasks that it calls for. */
  readonly sync: () => Promise<void>
  /** What the task of a key does, e.g. `sync replica r-1`. */
  readonly nameTask: (key: string) => string
}

/**
 * The life of a controller that works for the whole cluster: its sync runs from time to time and after each change,
 * and leaves the writes to tasks, so that one write held back keeps neither the sync nor another object waiting.
 */
export class ControllerLoop {
  readonly #loop: SyncLoop
  readonly #tasks: KeyedTasks

  constructor(modules: ControllerModules, { name, sync, nameTask }: ControllerWork) {
    this.#loop = new SyncLoop(modules, { name, sync })
    this.#tasks = new KeyedTasks(
      (key, error) => modules.report({ kind: 'failed', work: nameTask(key), error }),
      () => this.#loop.wake(),
    )
  }

  /** Starts with a sync at once. */
  start(): void {
    this.#loop.start()
  }

  /** Something changed: sync soon. */
  wake(): void {
    this.#loop.wake()
  }

  /** Something will be due in so many milliseconds: sync then at the latest. Nothing will be: undefined. */
  wakeWithin(ms: number | undefined): void {
    if (ms !== undefined) this.#loop.wakeWithin(ms)
  }

  /** Starts the task, unless one of this key is running; then another sync follows it. */
  startTask(key: string, task: () => Promise<void>): void {
    this.#tasks.start(key, task)
  }

  /** Starts nothing new and waits for the sync and the tasks that run. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#tasks.idle()
  }
}

/** What a {@link SyncLoop} runs. A sync that throws is reported; the loop goes on. */
interface SyncWork {
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

/**
 * Runs tasks side by side, at most one for each key. A write that a webhook holds back keeps only its own object
 * waiting, as with the workers of a real controller.
 */
class KeyedTasks {
  readonly #running = new Map<string, Promise<void>>()
  readonly #skipped = new Set<string>()
  readonly #onFailure: (key: string, error: unknown) => void
  readonly #wake: () => void

  /**
   * @param onFailure hears of a task that threw
   * @param wake called when a task ends that was asked for again meanwhile
   */
  constructor(onFailure: (key: string, error: unknown) => void, wake: () => void) {
    this.#onFailure = onFailure
    this.#wake = wake
  }

  /** Starts the task, unless one of this key is running. */
  start(key: string, task: () => Promise<void>): void {
    if (this.#running.has(key)) {
      this.#skipped.add(key)
      return
    }
    this.#running.set(key, this.#run(key, task))
  }

  /** Waits for all that run. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  async #run(key: string, task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#onFailure(key, error)
    } finally {
      this.#running.delete(key)
      if (this.#skipped.delete(key)) this.#wake()
    }
  }
}

/** What every controller is given. */
export interface ControllerModules {
  readonly view: ClusterView
  readonly writer: Writer
  readonly clock: Clock
  readonly options: LonghornOptions
  readonly report: (report: Report) => void
}

/** What the controllers are given that work for the whole cluster. */
export interface ClusterControllerModules extends ControllerModules {
  readonly managers: LiveManagers
}

/** The managers that run, as far as one controller must know them. */
export interface LiveManagers {
  /** True while the manager of this node runs. */
  isLive(node: string): boolean
  /** A manager that can take work over; undefined when none runs: then nothing moves. */
  anyLive(): string | undefined
}
