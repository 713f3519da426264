import type { Entry } from '../../gate/reservation-book.ts'
import type { Parsed } from '../../json/schema.ts'
import { abortReason } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ListWatch } from '../watch/list-watch.ts'
import { entryOf } from './lease-format.ts'

/** The content of one Lease; a Lease outside the book has no entry. */
interface Seen {
  readonly entry: Parsed<Entry> | undefined
}

/** The book of reservations, read and followed without write access. It does not own the connection. */
export class LiveReservations {
  readonly #entries = new Map<string, Parsed<Entry>>()
  readonly #listeners = new Set<() => void>()
  readonly #follower: ListWatch<Seen>
  /** Aborted once the first read has succeeded or failed. */
  readonly #looked = new AbortController()
  #problem: Error | undefined

  private constructor(connection: Connection, namespace: string) {
    this.#follower = new ListWatch<Seen>({
      connection,
      path: `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`,
      project: (object) => ({ entry: entryOf(object) }),
      onChange: ({ type, name, value: { entry } }) => {
        if (type === 'deleted' || entry === undefined) this.#entries.delete(name)
        else this.#entries.set(name, entry)
        this.#notify()
      },
      onSynced: () => {
        this.#problem = undefined
        this.#looked.abort()
        this.#notify()
      },
      onProblem: ({ error }) => {
        if (this.#follower.synced) return
        this.#problem = error
        this.#looked.abort()
      },
    })
  }

  /**
   * Reads the book once, or finds that it cannot, and follows it from there.
   *
   * @param namespace the guard's
   * @throws the signal's reason
   */
  static async open(
    connection: Connection,
    namespace: string,
    signal: AbortSignal,
  ): Promise<LiveReservations> {
    const live = new LiveReservations(connection, namespace)
    try {
      await live.#firstLook(signal)
      return live
    } catch (error) {
      await live.stop()
      throw error
    }
  }

  /** Why the book could not be read yet; undefined after the first read. */
  get problem(): Error | undefined {
    return this.#problem
  }

  /** The entries; undefined before the first read. */
  get entries(): readonly Entry[] | undefined {
    if (this.#problem !== undefined) return undefined
    return [...this.#entries.values()].flatMap((entry) => (entry.ok ? [entry.value] : []))
  }

  /** A sentence for each Lease of the book that cannot be read. */
  get unreadable(): readonly string[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.ok ? [] : [entry.problem]))
  }

  /** Calls the listener after each change; the returned function removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
  }

  async #firstLook(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const ended = AbortSignal.any([signal, this.#looked.signal])
      const over = () => (signal.aborted ? reject(abortReason(signal)) : resolve())
      if (ended.aborted) over()
      else ended.addEventListener('abort', over, { once: true })
    })
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
