import type { Looked } from '../doctor/facts.ts'
import { defaultPolicy } from '../rules/policy.ts'
import type { NoticeTimes } from '../rules/unnoticed.ts'
import type { ReplicaAnswer } from './replica-answers.ts'

/** How long what has ended still counts for the guard. */
export interface GuardSettle extends NoticeTimes {
  /** Why the replicas could not be asked, for people; undefined if they have answered. */
  readonly problem: string | undefined
}

/**
 * How long the guard lets what has ended count: the longest that its replicas say, since any of them may decide. If one
 * does not answer, or is of an older version, it is the default.
 */
export function settleOf(answers: Looked<readonly ReplicaAnswer[]>): GuardSettle {
  if ('problem' in answers) return assumed(answers.problem)
  const told: NoticeTimes[] = []
  for (const { replica, settle } of answers.seen) {
    if (!settle) return assumed(`replica ${replica} is of a version that does not say it`)
    told.push(settle)
  }
  return {
    settleMs: Math.max(...told.map(({ settleMs }) => settleMs)),
    settleAfterOutageMs: Math.max(...told.map(({ settleAfterOutageMs }) => settleAfterOutageMs)),
    problem: undefined,
  }
}

function assumed(problem: string): GuardSettle {
  const { settleMs, settleAfterOutageMs } = defaultPolicy
  return { settleMs, settleAfterOutageMs, problem }
}
