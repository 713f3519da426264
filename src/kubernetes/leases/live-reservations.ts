import type { Page } from '../../gate/reservation-book.ts'
import type { Parsed } from '../../json/schema.ts'
import { abortReason } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ListWatch } from '../watch/list-watch.ts'
import { pageOf } from './lease-format.ts'

/** What one Lease says; one that is none of the book's has no page. */
interface Seen {
  readonly page: Parsed<Page> | undefined
}

/** The book of reservations, read and followed without any right to write in it. It does not own the connection. */
export class LiveReservations {
  readonly #pages = new Map<string, Parsed<Page>>()
  readonly #listeners = new Set<() => void>()
  readonly #follower: ListWatch<Seen>
  /** Aborted once the book was read or could not be. */
  readonly #looked = new AbortController()
  #problem: Error | undefined

  private constructor(connection: Connection, namespace: string) {
    this.#follower = new ListWatch<Seen>({
      connection,
      path: `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`,
      project: (object) => ({ page: pageOf(object) }),
      onChange: ({ type, name, value: { page } }) => {
        if (type === 'deleted' || page === undefined) this.#pages.delete(name)
        else this.#pages.set(name, page)
        this.#tell()
      },
      onSynced: () => {
        this.#problem = undefined
        this.#looked.abort()
        this.#tell()
      },
      onProblem: ({ error }) => {
        if (this.#follower.synced) return
        this.#problem = error
        this.#looked.abort()
      },
    })
  }

  /**
   * Reads the book once, or finds out that it cannot be read, and follows it from there.
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

  /** Why the book could not be read yet; undefined once it was. */
  get problem(): Error | undefined {
    return this.#problem
  }

  /** What was read; undefined while nothing could be. */
  get pages(): readonly Page[] | undefined {
    if (this.#problem !== undefined) return undefined
    return [...this.#pages.values()].flatMap((page) => (page.ok ? [page.value] : []))
  }

  /** A sentence for each Lease of the book that cannot be read. */
  get unreadable(): readonly string[] {
    return [...this.#pages.values()].flatMap((page) => (page.ok ? [] : [page.problem]))
  }

  /** Calls the listener after each change; the function it returns ends that. */
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

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
