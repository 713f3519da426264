import { systemClock } from '../time/clock.ts'
import type { Connection } from '../kubernetes/connection.ts'
import type { ForwardedPort } from '../kubernetes/port-forward.ts'
import { within } from '../kubernetes/within.ts'
import { heardReplica } from '../status/heard-replica.ts'
import type { GuardReplica } from '../status/status.ts'
import { reachReplicas, type ReplicaSearch } from './guard-replicas.ts'

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
      why ??= error instanceof Error ? error.message : String(error)
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
      if (!signal.aborted) this.#problem(error instanceof Error ? error.message : String(error))
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
