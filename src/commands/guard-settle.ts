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

/** When a node or a disk counts as lost for the guard. */
export interface GuardLostAfter {
  readonly lostAfterMs: number
  /** Why it is only assumed, for people; undefined if the replicas have said it. */
  readonly problem: string | undefined
}

/** The longest that its replicas say, since any of them may decide; the default if one does not say it. */
export function lostAfterOf(
  answers: Looked<readonly Pick<ReplicaAnswer, 'replica' | 'lostAfterMs'>[]>,
): GuardLostAfter {
  const { lostAfterMs } = defaultPolicy
  if ('problem' in answers) return { lostAfterMs, problem: answers.problem }
  const silent = answers.seen.find((answer) => answer.lostAfterMs === undefined)
  if (silent)
    return { lostAfterMs, problem: `replica ${silent.replica} is of a version that does not say it` }
  const told = answers.seen.flatMap((answer) => answer.lostAfterMs ?? [])
  if (told.length === 0) return { lostAfterMs, problem: 'no replica of the guard was asked' }
  return { lostAfterMs: Math.max(...told), problem: undefined }
}

function assumed(problem: string): GuardSettle {
  const { settleMs, settleAfterOutageMs } = defaultPolicy
  return { settleMs, settleAfterOutageMs, problem }
}
