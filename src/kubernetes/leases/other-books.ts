import { Type } from 'typebox'
import { absent, parser } from '../../json/schema.ts'
import { type Clock, pause } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'
import { bookLabels } from './lease-format.ts'

/** What makes a Lease one of a book, as a label selector. */
export const bookSelector = Object.entries(bookLabels)
  .map(([label, value]) => `${label}=${value}`)
  .join(',')

const parseLeases = parser(
  Type.Object({
    items: absent(Type.Array(Type.Object({ metadata: Type.Object({ namespace: Type.String() }) }))),
  }),
  ({ items }) => items ?? [],
)

/**
 * The namespaces that have Leases of a book, but for one.
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
  if (!leases.ok)
    throw new MalformedAnswer(`The list of ${path} is not what it should be: ${leases.problem}.`)
  const found = new Set(leases.value.map(({ metadata }) => metadata.namespace))
  found.delete(namespace)
  return [...found].toSorted()
}

/** How often other books are looked for, in milliseconds: one comes to be only by a mistake of people. */
const intervalMs = 300_000

/** What other books are looked for with. */
interface OtherBooksOptions {
  readonly connection: Connection
  /** Where the book of this door is. */
  readonly namespace: string
  readonly clock: Clock
  /** Told of the namespaces whenever there are others than before, and of none. */
  readonly onOthers: (namespaces: readonly string[]) => void
  /** Told once why they cannot be looked for. */
  readonly onProblem: (error: unknown) => void
}

/** Looks for other books now and then. It starts when it is made. It does not own the connection. */
export class OtherBooks {
  readonly #options: OtherBooksOptions
  readonly #stopping = new AbortController()
  readonly #over: Promise<void>
  #found: readonly string[] | undefined
  #told = false

  constructor(options: OtherBooksOptions) {
    this.#options = options
    this.#over = this.#run()
  }

  /** How many there are; undefined while that cannot be found out. */
  get count(): number | undefined {
    return this.#found?.length
  }

  /** Resolves when nothing is asked any more. */
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
      // Of what is only unreachable the last answer stays.
      if (error instanceof ApiFailure && error.code === 403) this.#found = undefined
      if (!this.#told) onProblem(error)
      this.#told = true
    }
  }
}
