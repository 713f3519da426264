import type { ControllerModules } from './controller-modules.ts'
import { KeyedTasks } from './keyed-tasks.ts'
import { SyncLoop } from './sync-loop.ts'

/** What a controller does, and how a report of its failures names it. */
export interface ControllerWork {
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
