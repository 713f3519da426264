/**
 * Runs tasks side by side, at most one for each key. A write that a webhook holds back keeps only its own object
 * waiting, as with the workers of a real controller.
 */
export class KeyedTasks {
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
