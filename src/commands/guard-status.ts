import { Type } from 'typebox'
import type { Connection } from '../kubernetes/connection.ts'
import type { ForwardedPort } from '../kubernetes/port-forward.ts'
import { parser } from '../longhorn/parse.ts'
import type { GuardReplica } from '../status/status.ts'
import { reachReplicas, type ReplicaSearch } from './guard-replicas.ts'

const parseReplica = parser(
  Type.Object({
    replica: Type.String(),
    version: Type.String(),
    synced: Type.Boolean(),
    holds: Type.Number(),
    pendingCleanups: Type.Optional(
      Type.Array(Type.Object({ image: Type.String(), diskUUID: Type.String(), since: Type.Number() })),
    ),
    settling: Type.Optional(Type.Array(Type.Object({ node: Type.String(), until: Type.Number() }))),
  }),
  ({ pendingCleanups = [], settling = [], ...replica }): GuardReplica => ({
    ...replica,
    pendingCleanups,
    settling,
  }),
)

/** What the replicas of the guard say of themselves, asked through port-forwards. */
export class GuardStatus {
  /** Undefined if they cannot be asked. */
  replicas: readonly GuardReplica[] | undefined
  #ports: readonly ForwardedPort[] = []

  /** Asks for the first time. @param note told once why they cannot be asked, if so */
  static async open(
    search: ReplicaSearch,
    connection: Connection,
    signal: AbortSignal,
    note: (text: string) => void,
  ): Promise<GuardStatus> {
    const guard = new GuardStatus()
    let why: string | undefined
    try {
      guard.#ports = await reachReplicas(search, connection, signal, (text) => (why ??= text))
      if (why === undefined) await guard.#ask(signal)
    } catch (error) {
      if (signal.aborted) throw error
      // Asking says no more than that the connection broke; why, the port-forward has said.
      why ??= error instanceof Error ? error.message : String(error)
    }
    if (why !== undefined) note(`What the guard holds now is not shown: ${why}`)
    return guard
  }

  /** Asks again, if it was possible the first time. What cannot be asked any more is shown no longer. */
  async refresh(signal: AbortSignal): Promise<void> {
    if (this.replicas === undefined) return
    try {
      await this.#ask(signal)
    } catch {
      this.replicas = undefined
    }
  }

  stop(): Promise<void> {
    for (const { close } of this.#ports) close()
    return Promise.resolve()
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.replicas = await Promise.all(this.#ports.map((port) => askOne(port, signal)))
  }
}

async function askOne({ url }: ForwardedPort, signal: AbortSignal): Promise<GuardReplica> {
  const response = await fetch(new URL('/status', url), { signal })
  const parsed = parseReplica(await response.json())
  if (!parsed.ok) throw new Error(`a replica answered what is no status: ${parsed.problem}`)
  return parsed.value
}
