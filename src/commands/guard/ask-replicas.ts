import { Type } from 'typebox'
import { type Parsed, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import type { ForwardedPort } from '../../kubernetes/client/port-forward.ts'
import { defaultPolicy, type EvictionBudget } from '../../rules/policy.ts'
import { type NoticeTimes } from '../../rules/disks-at-risk.ts'
import type { Probe, ReplicaPolicy } from '../doctor/facts.ts'
import { reachReplicas, type ReplicaSearch } from './reach-replicas.ts'
import { inWords } from '../../text/system-error.ts'

/** The facts that commands use of a replica's report. */
interface ReplicaAnswer {
  readonly replica: string
  /** How long an ended change counts there; undefined for a version that does not report it. */
  readonly settle: NoticeTimes | undefined
  /** When a disk counts as lost there, in milliseconds; undefined for a version that does not report it. */
  readonly lostAfterMs: number | undefined
  /** Its rules; a problem for a version that does not report them. */
  readonly policy: Parsed<ReplicaPolicy>
}

const Most = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])

const Modes = Type.Union([Type.Literal('enforce'), Type.Literal('warn'), Type.Literal('off')])

const parsePolicy = parser(
  Type.Object({
    replica: Type.String(),
    lostAfterMs: Type.Optional(Type.Number()),
    policy: Type.Object({
      modes: Type.Record(Type.String(), Modes),
      evictionCompletion: Type.Union([Type.Literal('hold'), Type.Literal('allow')]),
      release: Type.Union([Type.String(), Type.Null()]),
      evictionBudget: Type.Optional(Type.Object({ flaggedNodes: Most, pendingCleanups: Most })),
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
 * Limit for the list of replicas, and then for each answer, in milliseconds. A process that forwards a port
 * may never answer.
 */
const answerMs = 5_000

/**
 * Asks every running replica of the guard once, through port-forwards.
 *
 * @param limitMs see {@link answerMs}
 * @throws the signal's reason
 */
export async function askReplicas(
  search: ReplicaSearch,
  connection: Connection,
  signal: AbortSignal,
  limitMs = answerMs,
): Promise<Probe<readonly ReplicaAnswer[]>> {
  let ports: readonly ForwardedPort[] = []
  let why: string | undefined
  try {
    const found = AbortSignal.any([signal, tooLate(limitMs, 'the list of the guard’s replicas did not come')])
    ports = await reachReplicas(search, connection, found, (text) => (why ??= text))
    return { seen: await Promise.all(ports.map((port) => askOne(port, signal, limitMs))) }
  } catch (error) {
    signal.throwIfAborted()
    // The request only knows that the connection broke; the port-forward has reported why.
    return { problem: why ?? inWords(error) }
  } finally {
    for (const { close } of ports) close()
  }
}

/** The rules of all replicas, or why one does not report them. */
export function policiesOf(answers: Probe<readonly ReplicaAnswer[]>): Probe<readonly ReplicaPolicy[]> {
  if ('problem' in answers) return answers
  const seen: ReplicaPolicy[] = []
  for (const { policy } of answers.seen) {
    if (!policy.ok)
      return {
        problem: `a replica of the guard does not report its rules: ${policy.problem}`,
      }
    seen.push(policy.value)
  }
  return { seen }
}

/** How much the guard lets be under way at a time: the least that one of its replicas says, since any of them may decide. */
export function budgetOf(policies: Probe<readonly ReplicaPolicy[]>): EvictionBudget {
  const enforced = ('problem' in policies ? [] : policies.seen)
    .filter(({ modes }) => modes['eviction-budget'] === 'enforce')
    .flatMap(({ evictionBudget }) => evictionBudget ?? [])
  const least = (numbers: readonly (number | null)[]): number | undefined => {
    const known = numbers.filter((number) => number !== null)
    return known.length > 0 ? Math.min(...known) : undefined
  }
  return {
    flaggedNodes: least(enforced.map(({ flaggedNodes }) => flaggedNodes)),
    pendingCleanups: least(enforced.map(({ pendingCleanups }) => pendingCleanups)),
  }
}

async function askOne({ url }: ForwardedPort, signal: AbortSignal, limitMs: number): Promise<ReplicaAnswer> {
  const soon = tooLate(limitMs, 'a replica of the guard did not answer')
  const response = await fetch(new URL('/status', url), { signal: AbortSignal.any([signal, soon]) })
  const answer: unknown = await response.json()
  const settle = parseSettle(answer)
  if (!settle.ok) throw new Error(`a replica of the guard gave a malformed status: ${settle.problem}`)
  const { replica, settleMs, settleAfterOutageMs, lostAfterMs } = settle.value
  const hasNoticeTimes = settleMs !== undefined && settleAfterOutageMs !== undefined
  return {
    replica,
    settle: hasNoticeTimes ? { settleMs, settleAfterOutageMs } : undefined,
    lostAfterMs,
    policy: parsePolicy(answer),
  }
}

/** A signal that aborts after so many milliseconds, with a reason that names the missing answer. */
function tooLate(ms: number, what: string): AbortSignal {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`${what} within ${ms / 1_000} s`)), ms)
  timer.unref()
  return late.signal
}

/** How long an ended change counts for the guard. */
export interface GuardSettle extends NoticeTimes {
  /** Why the replicas could not be asked, for people; undefined if they have answered. */
  readonly problem: string | undefined
}

/**
 * How long an ended change counts for the guard: the longest time of its replicas, since each of them may
 * decide. It is the default if one does not answer, or is of an older version.
 */
export function settleOf(answers: Probe<readonly ReplicaAnswer[]>): GuardSettle {
  if ('problem' in answers) return assumed(answers.problem)
  const known: NoticeTimes[] = []
  for (const { replica, settle } of answers.seen) {
    if (!settle) return assumed(`replica ${replica} is of a version that does not report it`)
    known.push(settle)
  }
  return {
    settleMs: Math.max(...known.map(({ settleMs }) => settleMs)),
    settleAfterOutageMs: Math.max(...known.map(({ settleAfterOutageMs }) => settleAfterOutageMs)),
    problem: undefined,
  }
}

/** When a node or a disk counts as lost for the guard. */
export interface GuardLostAfter {
  readonly lostAfterMs: number
  /** Why it is only assumed, for people; undefined if the replicas have reported it. */
  readonly problem: string | undefined
}

/** The longest time of its replicas, since each of them may decide; the default if one does not report it. */
export function lostAfterOf(
  answers: Probe<readonly Pick<ReplicaAnswer, 'replica' | 'lostAfterMs'>[]>,
): GuardLostAfter {
  const { lostAfterMs } = defaultPolicy
  if ('problem' in answers) return { lostAfterMs, problem: answers.problem }
  const silent = answers.seen.find((answer) => answer.lostAfterMs === undefined)
  if (silent)
    return { lostAfterMs, problem: `replica ${silent.replica} is of a version that does not report it` }
  const known = answers.seen.flatMap((answer) => answer.lostAfterMs ?? [])
  if (known.length === 0) return { lostAfterMs, problem: 'no replica of the guard was asked' }
  return { lostAfterMs: Math.max(...known), problem: undefined }
}

function assumed(problem: string): GuardSettle {
  const { settleMs, settleAfterOutageMs } = defaultPolicy
  return { settleMs, settleAfterOutageMs, problem }
}
