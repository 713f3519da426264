import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { longhornPath } from './cluster.ts'

/** So many calls at most begin together, after a timer that was late: a crowd is no even rate. */
const mostAtOnce = 3

/**
 * Admission calls at an even rate: evictions that are to be admitted. Nine in ten are dry runs, the tenth is real and
 * taken back at once.
 */
export class Load {
  readonly #connection: Connection
  readonly #node: string
  readonly #disk: string
  readonly #running = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  readonly #started = performance.now()
  #calls = 0
  /** By `performance.now()`. */
  #last = performance.now()
  /** The longest time, in milliseconds, in which not even this process could do anything. */
  stalledMs = 0
  /** The failures, with the answers. */
  readonly failures: string[] = []

  /**
   * Begins.
   *
   * @param node with a disk on which nothing is pending
   * @param everyMs how often something is asked, in milliseconds: 50 times a second
   */
  constructor(connection: Connection, node: string, disk: string, everyMs = 20) {
    this.#connection = connection
    this.#node = node
    this.#disk = disk
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.stalledMs = Math.max(this.stalledMs, now - this.#last - everyMs)
      this.#last = now
      // A timer is late, and an interval never makes up for it: on a busy machine the rate would fall.
      const due = Math.floor((now - this.#started) / everyMs) - this.#calls
      for (let call = 0; call < Math.min(due, mostAtOnce); call += 1) this.#begin()
    }, everyMs)
  }

  get calls(): number {
    return this.#calls
  }

  /** Ends, and waits for the calls under way. @returns calls a second */
  async stop(): Promise<number> {
    clearInterval(this.#timer)
    const seconds = (performance.now() - this.#started) / 1_000
    await Promise.all(this.#running)
    return this.#calls / seconds
  }

  #begin(): void {
    this.#calls += 1
    const call = this.#calls % 10 === 0 ? this.#evictAndCalm() : this.#evict(true, true)
    const done = call.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #evictAndCalm(): Promise<void> {
    await this.#evict(true, false)
    await this.#evict(false, false)
  }

  async #evict(evictionRequested: boolean, dryRun: boolean): Promise<void> {
    try {
      const answer = await this.#connection.request({
        method: 'PATCH',
        path: `${longhornPath('nodes')}/${this.#node}`,
        headers: { 'content-type': 'application/merge-patch+json' },
        query: dryRun ? { dryRun: 'All' } : {},
        body: JSON.stringify({ spec: { disks: { [this.#disk]: { evictionRequested } } } }),
        signal: AbortSignal.timeout(30_000),
      })
      const text = await answer.text()
      if (answer.status !== 200) this.failures.push(`${answer.status}: ${text}`)
    } catch (error) {
      this.failures.push(String(error))
    }
  }
}
