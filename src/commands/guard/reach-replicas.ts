import { Type } from 'typebox'
import { optionalMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import { type ForwardedPort, forwardPort } from '../../kubernetes/client/port-forward.ts'
import { systemClock, within } from '../../time/clock.ts'
import { componentLabel, replicaSelector } from '../doctor/replicas.ts'
import { type Asking, type SearchFlags, searchOf } from '../options/cluster-options.ts'
import { type GuardReplica, readGuardReplica } from '../status/status.ts'
import type { ReplicaFlags } from '../options/replica-options.ts'
import { CannotRun } from '../surroundings.ts'
import { announcedReplicas } from './announced-address.ts'
import { inWords } from '../../text/system-error.ts'

const parsePods = parser(
  Type.Object({
    items: Type.Array(
      Type.Object({
        metadata: Type.Object({ name: Type.String(), annotations: optionalMap(Type.String()) }),
        status: Type.Optional(Type.Object({ phase: Type.Optional(Type.String()) })),
      }),
    ),
  }),
  ({ items }) =>
    items
      .filter(({ status }) => status?.phase === 'Running')
      .map(({ metadata: { name, annotations } }): RunningPod => {
        const port = Number(annotations?.['holdfast.dev/operator-port'] ?? '')
        return { pod: name, port: Number.isInteger(port) && port > 0 ? port : undefined }
      }),
)

/** A replica, and the port for people's commands that its pod names, as the chart's pods do. */
interface RunningPod {
  readonly pod: string
  readonly port: number | undefined
}

/** The namespace has no replicas. */
export class NoReplica extends CannotRun {
  /** @param problem why those outside of the cluster are not known either */
  constructor(namespace: string, problem?: string) {
    const besides = problem === undefined ? '' : `, and ${problem}`
    super(`no replica of the guard runs in namespace ${namespace} (label ${componentLabel})${besides}`)
    this.name = 'NoReplica'
  }
}

/** Where the replicas of the guard are, and how to reach them. */
export interface ReplicaSearch extends SearchFlags, ReplicaFlags, Asking {
  /** The namespace of the guard. */
  readonly namespace: string
}

/**
 * Opens a connection to the operator port of each replica that runs now, but not of later ones. If none runs
 * in a pod, those on this machine count. Replicas that the person names are taken instead.
 *
 * @param note called with a connection that cannot be forwarded, and the name of the replica
 * @param isKnown true for replicas that are to be left out, since there is a connection to them already
 * @throws NoReplica if none runs, CannotRun if the search fails
 */
export async function reachReplicas(
  { namespace, env, isInteractive, operatorPort, address, ...flags }: ReplicaSearch,
  connection: Connection,
  signal: AbortSignal,
  note: (text: string, name: string) => void,
  isKnown: (name: string) => boolean = () => false,
): Promise<readonly ForwardedPort[]> {
  if (address !== undefined) return (await named(address, signal)).filter(({ name }) => !isKnown(name))
  const pods = await runningPods(namespace, connection, signal)
  if (pods.length === 0) {
    const { reached, problem } = await replicasOutside(namespace, connection, signal)
    if (reached.length > 0) return reached.filter(({ name }) => !isKnown(name))
    throw new NoReplica(namespace, problem)
  }
  const search = searchOf(flags, { env, isInteractive })
  return await Promise.all(
    pods
      .filter(({ pod }) => !isKnown(pod))
      .map(({ pod, port = operatorPort }) =>
        forwardPort(search, { namespace, pod, port }, ({ message }) => note(message, pod)),
      ),
  )
}

/** The replicas that the person names. @throws CannotRun if one does not answer */
async function named(addresses: readonly URL[], signal: AbortSignal): Promise<readonly ForwardedPort[]> {
  const looked = await Promise.all(
    addresses.map(({ origin }) => lookAt(origin, signal, 'a replica (--address)')),
  )
  const problem = looked.find((each) => each.problem !== undefined)?.problem
  if (problem !== undefined) throw new CannotRun(problem)
  return looked.map(({ url }) => ({ url, name: url, close: () => undefined }))
}

/** The replicas outside pods, on this machine. */
interface ReplicasOutside {
  readonly reached: readonly ForwardedPort[]
  /** Why some may be missing; undefined if these are all. */
  readonly problem: string | undefined
}

async function replicasOutside(
  namespace: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<ReplicasOutside> {
  try {
    const addresses = await announcedReplicas(connection, namespace, signal)
    const looked = await Promise.all(addresses.map((url) => lookAt(url, signal, 'which one has announced')))
    return {
      reached: looked.flatMap(({ url, problem }) =>
        problem === undefined ? { url, name: url, close: () => undefined } : [],
      ),
      problem: looked.find(({ problem }) => problem !== undefined)?.problem,
    }
  } catch (error) {
    signal.throwIfAborted()
    return { reached: [], problem: `replicas outside a pod could not be looked for: ${inWords(error)}` }
  }
}

/** A killed guard leaves an address behind, and so does a guard that hangs. */
async function lookAt(
  url: string,
  signal: AbortSignal,
  what: string,
): Promise<{ url: string; problem?: string }> {
  try {
    const response = await fetch(new URL('/status', url), { signal: within(answerMs, signal) })
    await response.body?.cancel()
    return response.ok ? { url } : { url, problem: `${url}, ${what}, answers ${response.status}` }
  } catch (error) {
    signal.throwIfAborted()
    return { url, problem: `${url}, ${what}, cannot be asked: ${inWords(error)}` }
  }
}

/** A guard on this machine answers quickly; this is the limit, in milliseconds. */
const answerMs = 2_000

async function runningPods(
  namespace: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<readonly RunningPod[]> {
  try {
    const answer = await jsonRequest(connection, {
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
      query: { labelSelector: replicaSelector },
      signal,
    })
    const pods = parsePods(answer)
    if (!pods.ok) throw new Error(pods.problem)
    return pods.value
  } catch (cause) {
    const why = inWords(cause)
    throw new CannotRun(`cannot find the replicas of the guard in namespace ${namespace}: ${why}`, { cause })
  }
}

/** The limit for an answer of a replica, in milliseconds. */
const askMs = 10_000

/** The reports of the guard's replicas, asked through port-forwards. */
export class GuardStatus {
  /** Undefined if they cannot be asked. */
  replicas: readonly GuardReplica[] | undefined
  #ports: readonly ForwardedPort[] = []
  readonly #problem: (why: string) => void

  private constructor(problem: (why: string) => void) {
    this.#problem = problem
  }

  /**
   * Asks for the first time.
   *
   * @param problem called once with the reason if they cannot be asked, now or later
   */
  static async open(
    search: ReplicaSearch,
    connection: Connection,
    signal: AbortSignal,
    problem: (why: string) => void,
  ): Promise<GuardStatus> {
    const guard = new GuardStatus(problem)
    let why: string | undefined
    try {
      guard.#ports = await reachReplicas(search, connection, signal, (text) => (why ??= text))
      if (why === undefined) await guard.#ask(signal)
    } catch (error) {
      if (signal.aborted) throw error
      // The request only knows that the connection broke; the port-forward has reported why.
      why ??= inWords(error)
    }
    if (why !== undefined) guard.#problem(why)
    return guard
  }

  /** Asks again, if the first time worked. The report of a replica that no longer answers is dropped. */
  async refresh(signal: AbortSignal): Promise<void> {
    if (this.replicas === undefined) return
    try {
      await this.#ask(signal)
    } catch (error) {
      this.replicas = undefined
      if (!signal.aborted) this.#problem(inWords(error))
    }
  }

  stop(): Promise<void> {
    for (const { close } of this.#ports) close()
    return Promise.resolve()
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.replicas = await Promise.all(this.#ports.map((port) => this.#askOne(port, signal)))
  }

  async #askOne({ url }: ForwardedPort, signal: AbortSignal): Promise<GuardReplica> {
    const inTime = within(askMs, signal)
    const response = await fetch(new URL('/status', url), { signal: inTime })
    const answer: unknown = await response.json()
    const parsed = readGuardReplica(answer, systemClock.monotonic())
    if (!parsed.ok) throw new Error(`a replica gave a malformed status: ${parsed.problem}`)
    return parsed.value
  }
}
