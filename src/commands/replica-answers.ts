import { Type } from 'typebox'
import type { Looked } from '../doctor/facts.ts'
import type { ReplicaPolicy } from '../doctor/facts.ts'
import type { Connection } from '../kubernetes/connection.ts'
import type { ForwardedPort } from '../kubernetes/port-forward.ts'
import { parser } from '../longhorn/parse.ts'
import type { Parsed } from '../longhorn/parsed.ts'
import type { NoticeTimes } from '../rules/unnoticed.ts'
import { reachReplicas, type ReplicaSearch } from './guard-replicas.ts'

/** What a replica of the guard says of itself that others rely upon. */
export interface ReplicaAnswer {
  readonly replica: string
  /** How long what has ended still counts there; undefined for a version that does not say it. */
  readonly settle: NoticeTimes | undefined
  /** When a disk counts as lost there, in milliseconds; undefined for a version that does not say it. */
  readonly lostAfterMs: number | undefined
  /** The rules that it judges by; a problem for a version that does not say them. */
  readonly policy: Parsed<ReplicaPolicy>
}

const Modes = Type.Union([Type.Literal('enforce'), Type.Literal('warn'), Type.Literal('off')])

const parsePolicy = parser(
  Type.Object({
    replica: Type.String(),
    lostAfterMs: Type.Optional(Type.Number()),
    policy: Type.Object({
      modes: Type.Record(Type.String(), Modes),
      evictionCompletion: Type.Union([Type.Literal('hold'), Type.Literal('allow')]),
      release: Type.Union([Type.String(), Type.Null()]),
    }),
    callers: Type.Optional(
      Type.Union([
        Type.Null(),
        Type.Object({
          refused: Type.Integer(),
          last: Type.Union([Type.Null(), Type.Object({ name: Type.String(), leftMs: Type.Number() })]),
        }),
      ]),
    ),
  }),
  ({ replica, policy, callers, lostAfterMs }): ReplicaPolicy => ({
    replica,
    ...policy,
    callers,
    lostAfterMs,
  }),
)

const parseSettle = parser(
  Type.Object({
    replica: Type.String(),
    settleMs: Type.Optional(Type.Number()),
    settleAfterOutageMs: Type.Optional(Type.Number()),
    lostAfterMs: Type.Optional(Type.Number()),
  }),
  (answer) => answer,
)

/**
 * How long the list of replicas, and then each of them, may take to answer, in milliseconds: what forwards a port may never
 * answer.
 */
const answerMs = 5_000

/**
 * Asks every replica of the guard that runs, once, through port-forwards.
 *
 * @param limitMs see {@link answerMs}
 * @throws the signal's reason
 */
export async function askReplicas(
  search: ReplicaSearch,
  connection: Connection,
  signal: AbortSignal,
  limitMs = answerMs,
): Promise<Looked<readonly ReplicaAnswer[]>> {
  let ports: readonly ForwardedPort[] = []
  let why: string | undefined
  try {
    const found = AbortSignal.any([signal, tooLate(limitMs, 'the list of the guard’s replicas did not come')])
    ports = await reachReplicas(search, connection, found, (text) => (why ??= text))
    return { seen: await Promise.all(ports.map((port) => askOne(port, signal, limitMs))) }
  } catch (error) {
    signal.throwIfAborted()
    // Asking says no more than that the connection broke; why, the port-forward has said.
    return { problem: why ?? (error instanceof Error ? error.message : String(error)) }
  } finally {
    for (const { close } of ports) close()
  }
}

/** The rules that all of them judge by, or why one does not say them. */
export function policiesOf(answers: Looked<readonly ReplicaAnswer[]>): Looked<readonly ReplicaPolicy[]> {
  if ('problem' in answers) return answers
  const seen: ReplicaPolicy[] = []
  for (const { policy } of answers.seen) {
    if (!policy.ok)
      return {
        problem: `a replica of the guard does not say which rules it judges by: ${policy.problem}`,
      }
    seen.push(policy.value)
  }
  return { seen }
}

async function askOne({ url }: ForwardedPort, signal: AbortSignal, limitMs: number): Promise<ReplicaAnswer> {
  const soon = tooLate(limitMs, 'a replica of the guard did not answer')
  const response = await fetch(new URL('/status', url), { signal: AbortSignal.any([signal, soon]) })
  const answer: unknown = await response.json()
  const settle = parseSettle(answer)
  if (!settle.ok) throw new Error(`a replica of the guard answered what is no status: ${settle.problem}`)
  const { replica, settleMs, settleAfterOutageMs, lostAfterMs } = settle.value
  const isTold = settleMs !== undefined && settleAfterOutageMs !== undefined
  return {
    replica,
    settle: isTold ? { settleMs, settleAfterOutageMs } : undefined,
    lostAfterMs,
    policy: parsePolicy(answer),
  }
}

/** A signal that is aborted after so many milliseconds, and says what has not happened by then. */
function tooLate(ms: number, what: string): AbortSignal {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`${what} within ${ms / 1_000} s`)), ms)
  timer.unref()
  return late.signal
}
