import { Type } from 'typebox'
import { absentMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import { type ForwardedPort, forwardPort } from '../../kubernetes/client/port-forward.ts'
import { systemClock, within } from '../../time/clock.ts'
import { componentLabel, replicaSelector } from '../doctor/replicas.ts'
import { type Asking, type SearchFlags, searchOf } from '../options/cluster-options.ts'
import { type GuardReplica, heardReplica } from '../status/status.ts'
import { CannotRun } from '../surroundings.ts'
import { announcedReplicas } from './announced-address.ts'
import { inWords } from '../../text/system-error.ts'

const parsePods = parser(
  Type.Object({
    items: Type.Array(
      Type.Object({
        metadata: Type.Object({ name: Type.String(), annotations: absentMap(Type.String()) }),
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

/** A replica, and the port for people's commands that its pod names; the chart has it named. */
interface RunningPod {
  readonly pod: string
  readonly port: number | undefined
}

/** Where they are looked for, there are none. */
export class NoReplica extends CannotRun {
  /** @param problem why those outside of the cluster are not known either */
  constructor(namespace: string, problem?: string) {
    const besides = problem === undefined ? '' : `, and ${problem}`
    super(`no replica of the guard runs in namespace ${namespace} (label ${componentLabel})${besides}`)
    this.name = 'NoReplica'
  }
}

/** Where the replicas of the guard are, and how to get there. */
export interface ReplicaSearch extends SearchFlags, Asking {
  /** Where the guard runs. */
  readonly namespace: string
  /** Their port for people's commands, in a pod that does not name it. */
  readonly operatorPort: number
}

/**
 * Opens a way to the operator port of each replica that runs now; one that starts later is not among them. Where none runs in
 * a pod, those that run on this machine count.
 *
 * @param note told of a connection that cannot be forwarded
 * @throws NoReplica if there is none, CannotRun if they cannot be looked for
 */
export async function reachReplicas(
  { namespace, env, isInteractive, operatorPort, ...flags }: ReplicaSearch,
  connection: Connection,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<readonly ForwardedPort[]> {
  const pods = await runningPods(namespace, connection, signal)
  if (pods.length === 0) {
    const { reached, problem } = await replicasOutside(namespace, connection, signal)
    if (reached.length > 0) return reached
    throw new NoReplica(namespace, problem)
  }
  const search = searchOf(flags, { env, isInteractive })
  return await Promise.all(
    pods.map(({ pod, port = operatorPort }) =>
      forwardPort(search, { namespace, pod, port }, ({ message }) => note(message)),
    ),
  )
}

/** The replicas that run in no pod, on this machine. */
interface ReplicasOutside {
  readonly reached: readonly ForwardedPort[]
  /** What of them could not be told; undefined if they are all. */
  readonly problem: string | undefined
}

async function replicasOutside(
  namespace: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<ReplicasOutside> {
  try {
    const addresses = await announcedReplicas(connection, namespace, signal)
    const looked = await Promise.all(addresses.map((url) => lookAt(url, signal)))
    return {
      reached: looked.flatMap(({ url, problem }) =>
        problem === undefined ? { url, close: () => undefined } : [],
      ),
      problem: looked.find(({ problem }) => problem !== undefined)?.problem,
    }
  } catch (error) {
    signal.throwIfAborted()
    return { reached: [], problem: `replicas outside a pod could not be looked for: ${inWords(error)}` }
  }
}

/** A guard that was killed leaves an address behind, and so does one that hangs. */
async function lookAt(url: string, signal: AbortSignal): Promise<{ url: string; problem?: string }> {
  try {
    const response = await fetch(new URL('/status', url), { signal: within(answerMs, signal) })
    await response.body?.cancel()
    return response.ok
      ? { url }
      : { url, problem: `${url}, which one has announced, answers ${response.status}` }
  } catch (error) {
    signal.throwIfAborted()
    return { url, problem: `${url}, which one has announced, cannot be asked: ${inWords(error)}` }
  }
}

/** A guard on this machine answers in no time, in milliseconds. */
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

/** A replica that does not answer by then is not to be waited for, in milliseconds. */
const askMs = 10_000

/** What the replicas of the guard say of themselves, asked through port-forwards. */
export class GuardStatus {
  /** Undefined if they cannot be asked. */
  replicas: readonly GuardReplica[] | undefined
  #ports: readonly ForwardedPort[] = []
  readonly #problem: (why: string) => void

  private constructor(problem: (why: string) => void) {
    this.#problem = problem
  }

  /** Asks for the first time. @param problem told once why they cannot be asked, or cannot be any more */
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
      // Asking says no more than that the connection broke; why, the port-forward has said.
      why ??= inWords(error)
    }
    if (why !== undefined) guard.#problem(why)
    return guard
  }

  /** Asks again, if it was possible the first time. What cannot be asked any more is shown no longer. */
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
    const heard = heardReplica(answer, systemClock.monotonic())
    if (!heard.ok) throw new Error(`a replica answered what is no status: ${heard.problem}`)
    return heard.value
  }
}
