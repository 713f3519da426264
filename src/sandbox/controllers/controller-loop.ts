import type { Clock } from '../../time/clock.ts'
import type { ClusterView } from './cluster-view.ts'
import type { LonghornOptions } from './options.ts'
import type { Report } from './report.ts'
import type { Writer } from './writer.ts'

/** The work of a controller, and its name in reports of failures. */
interface ControllerWork {
  /** The work of a sync before it starts tasks, e.g. `list the replicas`. */
  readonly name: string
  /** Reads the cluster once and starts the necessary tasks. */
  readonly sync: () => Promise<void>
  /** The work of a key's task, e.g. `sync replica r-1`. */
  readonly nameTask: (key: string) => string
}

/**
 * The life of a controller that works for the whole cluster. Its sync runs from time to time and after each
 * change, and leaves the writes to tasks. So a held write delays neither the sync nor other objects.
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

  /** Sync at the latest after so many milliseconds; undefined for no such time. */
  wakeWithin(ms: number | undefined): void {
    if (ms !== undefined) this.#loop.wakeWithin(ms)
  }

  /** Starts the task, unless one of this key is running; then another sync follows. */
  startTask(key: string, task: () => Promise<void>): void {
    this.#tasks.start(key, task)
  }

  /** Starts nothing new and waits for the running sync and tasks. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await this.#tasks.idle()
  }
}

/** The work of a {@link SyncLoop}. An error of a sync is reported, and the loop goes on. */
interface SyncWork {
  /** Its name in the report of a failure, e.g. `list the nodes`. */
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
  /** During a sync: the milliseconds until the next wanted one. */
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

  /** Sync at the latest after so many milliseconds. */
  wakeWithin(ms: number): void {
    if (this.#state === 'syncing') this.#nextMs = Math.min(this.#nextMs, ms)
    if (this.#state === 'waiting') this.#wakeIn(ms)
  }

  /** Starts no further sync and waits for the running one. */
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

  /** Read after an await, since stop() may have been called meanwhile. */
  #isStopped(): boolean {
    return this.#state === 'stopped'
  }
}

/**
 * Runs tasks side by side, at most one for each key. As with a real controller's workers, a write that a
 * webhook holds delays only its own object.
 */
class KeyedTasks {
  readonly #running = new Map<string, Promise<void>>()
  readonly #skipped = new Set<string>()
  readonly #onFailure: (key: string, error: unknown) => void
  readonly #wake: () => void

  /**
   * @param onFailure called with the error of a task
   * @param wake called if a task ends that was requested again meanwhile
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

  /** Waits for all running tasks. */
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

/** The parts of every controller. */
export interface ControllerModules {
  readonly view: ClusterView
  readonly writer: Writer
  readonly clock: Clock
  readonly options: LonghornOptions
  readonly report: (report: Report) => void
}

/** The parts of controllers that work for the whole cluster. */
export interface ClusterControllerModules extends ControllerModules {
  readonly managers: LiveManagers
}

/** The running managers, as far as a controller must know them. */
export interface LiveManagers {
  /** True while the manager of this node runs. */
  isLive(node: string): boolean
  /** A manager that can take over work; undefined if none runs: then nothing moves. */
  anyLive(): string | undefined
}
