import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import { type Clock, pause } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'
import { bookLabels } from './lease-format.ts'

/** The label selector of a book's Leases. */
export const bookSelector = Object.entries(bookLabels)
  .map(([label, value]) => `${label}=${value}`)
  .join(',')

const parseLeases = parser(
  Type.Object({
    items: optional(Type.Array(Type.Object({ metadata: Type.Object({ namespace: Type.String() }) }))),
  }),
  ({ items }) => items ?? [],
)

/**
 * The namespaces with Leases of a book, except one.
 *
 * @param namespace where the book of the cluster is
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function otherBooks(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = '/apis/coordination.k8s.io/v1/leases'
  const query = { labelSelector: bookSelector }
  const leases = parseLeases(await jsonRequest(connection, { method: 'GET', path, query, signal }))
  if (!leases.ok) throw new MalformedAnswer(`The list of ${path} is malformed: ${leases.problem}.`)
  const found = new Set(leases.value.map(({ metadata }) => metadata.namespace))
  found.delete(namespace)
  return [...found].toSorted()
}

/** How often to look for other books, in milliseconds. Only a mistake in the set-up creates one. */
const intervalMs = 300_000

/** The parts that the search needs. */
interface OtherBooksOptions {
  readonly connection: Connection
  /** The namespace of this door's book. */
  readonly namespace: string
  readonly clock: Clock
  /** Called with the namespaces whenever they change, also with none. */
  readonly onOthers: (namespaces: readonly string[]) => void
  /** Called once with the reason if the search fails. */
  readonly onProblem: (error: unknown) => void
}

/** Looks for other books now and then. The constructor starts it. It does not own the connection. */
export class OtherBooks {
  readonly #options: OtherBooksOptions
  readonly #stopping = new AbortController()
  readonly #over: Promise<void>
  #found: readonly string[] | undefined
  #isReported = false

  constructor(options: OtherBooksOptions) {
    this.#options = options
    this.#over = this.#run()
  }

  /** How many there are; undefined while the search fails. */
  get count(): number | undefined {
    return this.#found?.length
  }

  /** Resolves when no request is in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#over
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#look(signal)
      await pause(this.#options.clock, intervalMs, signal)
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { connection, namespace, onOthers, onProblem } = this.#options
    try {
      const found = await otherBooks(connection, namespace, signal)
      const before = this.#found?.join() ?? ''
      this.#found = found
      if (found.join() !== before) onOthers(found)
    } catch (error) {
      if (signal.aborted) return
      // If the API server is unreachable, the last answer stays.
      if (error instanceof ApiFailure && error.code === 403) this.#found = undefined
      if (!this.#isReported) onProblem(error)
      this.#isReported = true
    }
  }
}
