import { Type } from 'typebox'
import type { Looked } from '../doctor/facts.ts'
import type { ReplicaPolicy } from '../doctor/policies.ts'
import type { Connection } from '../kubernetes/connection.ts'
import type { ForwardedPort } from '../kubernetes/port-forward.ts'
import { parser } from '../longhorn/parse.ts'
import { reachReplicas, type ReplicaSearch } from './guard-replicas.ts'

const Modes = Type.Union([Type.Literal('enforce'), Type.Literal('warn'), Type.Literal('off')])

const parsePolicy = parser(
  Type.Object({
    replica: Type.String(),
    policy: Type.Object({
      modes: Type.Record(Type.String(), Modes),
      evictionCompletion: Type.Union([Type.Literal('hold'), Type.Literal('allow')]),
      release: Type.Union([Type.String(), Type.Null()]),
    }),
  }),
  ({ replica, policy }): ReplicaPolicy => ({ replica, ...policy }),
)

/** A replica that has not answered by then is not waited for, in milliseconds: what forwards may never answer. */
const answerMs = 5_000

/**
 * Asks every replica of the guard that runs which rules it judges by, through port-forwards.
 *
 * @throws the signal's reason
 */
export async function askPolicies(
  search: ReplicaSearch,
  connection: Connection,
  signal: AbortSignal,
): Promise<Looked<readonly ReplicaPolicy[]>> {
  let ports: readonly ForwardedPort[] = []
  let why: string | undefined
  try {
    ports = await reachReplicas(search, connection, signal, (text) => (why ??= text))
    return { seen: await Promise.all(ports.map((port) => askOne(port, signal))) }
  } catch (error) {
    signal.throwIfAborted()
    // Asking says no more than that the connection broke; why, the port-forward has said.
    return { problem: why ?? (error instanceof Error ? error.message : String(error)) }
  } finally {
    for (const { close } of ports) close()
  }
}

async function askOne({ url }: ForwardedPort, signal: AbortSignal): Promise<ReplicaPolicy> {
  const soon = AbortSignal.timeout(answerMs)
  const within = AbortSignal.any([signal, soon])
  try {
    const response = await fetch(new URL('/status', url), { signal: within })
    const parsed = parsePolicy(await response.json())
    if (parsed.ok) return parsed.value
    throw new Error(`a replica of the guard does not say which rules it judges by: ${parsed.problem}`)
  } catch (error) {
    if (soon.aborted)
      throw new Error(`a replica of the guard did not answer within ${answerMs / 1_000} s`, { cause: error })
    throw error
  }
}
