import { wouldWait } from '../../gate/answer.ts'
import type { CheckAnswer } from './checker.ts'
import type { Proposal } from './proposal.ts'

/** The result for one document. */
export interface CheckResult {
  /** `file.yaml:12` */
  readonly source: string
  /** `UPDATE of Node node-1` */
  readonly what: string
  readonly outcome: 'admitted' | 'held' | 'refused' | 'not-judged' | 'unusable'
  /** The rules with findings. */
  readonly rules: readonly string[]
  /** The guard's sentences, or the error in the document. */
  readonly message?: string
  readonly warnings: readonly string[]
  /** The fields that the API server would drop or read differently: unknown fields, duplicate fields. */
  readonly doubts: readonly string[]
  /** The facts that the verdict needs and the files lack. */
  readonly unknown?: readonly string[]
}

type Reviewed = Extract<Proposal, { readonly outcome: 'review' }>

/** Turns an answer into the result of a check. */
export function resultOf(
  source: string,
  { what, doubts, misses = [] }: Pick<Reviewed, 'what' | 'doubts' | 'misses'>,
  answer: CheckAnswer | { readonly problem: string },
): CheckResult {
  if ('problem' in answer) {
    return { source, what, outcome: 'unusable', rules: [], message: answer.problem, warnings: [], doubts }
  }
  const { status, warnings = [], auditAnnotations } = answer
  const { decision, reason, rules } = auditAnnotations
  return {
    source,
    what,
    outcome: reason === 'not-judged' ? 'not-judged' : (outcomes[decision ?? ''] ?? 'unusable'),
    rules: rules === undefined ? [] : rules.split(','),
    // The outcome already says that it would wait.
    ...(status ? { message: status.message.replace(wouldWait, '') } : {}),
    warnings: [...misses, ...warnings],
    doubts,
  }
}

const outcomes: Readonly<Record<string, CheckResult['outcome']>> = {
  allow: 'admitted',
  hold: 'held',
  refuse: 'refused',
  unavailable: 'unusable',
}

/** The result of a document without a review. */
export function resultWithout(
  source: string,
  proposal: Exclude<Proposal, { readonly outcome: 'review' }>,
): CheckResult {
  const { what, outcome } = proposal
  const message = outcome === 'unusable' ? { message: proposal.problem } : {}
  return { source, what, outcome, rules: [], warnings: [], doubts: [], ...message }
}

/** The result of an unreadable document. */
export function resultUnreadable(source: string, problem: string): CheckResult {
  return {
    source,
    what: 'a document',
    outcome: 'unusable',
    rules: [],
    message: problem,
    warnings: [],
    doubts: [],
  }
}

/** Duplicate fields, in the API server's own words, and their effect. */
export function doubtsAboutTwice(twice: readonly string[]): string[] {
  return [...new Set(twice)].map((path) => `duplicate field "${path}"; the last one counts`)
}

/** True if at least one document was judged. */
export function someJudged(results: readonly CheckResult[]): boolean {
  return results.some(({ outcome }) => outcome !== 'not-judged')
}

/**
 * The exit status of all results together.
 *
 * @param strict counts fields that the API server would drop as bad news
 */
export function exitCodeOf(results: readonly CheckResult[], strict: boolean): 0 | 1 | 2 {
  if (!someJudged(results) || results.some(({ outcome }) => outcome === 'unusable')) return 2
  const isBad = ({ outcome, doubts }: CheckResult): boolean =>
    outcome === 'held' || outcome === 'refused' || (strict && doubts.length > 0)
  if (results.some(isBad)) return 1
  return strict && results.some(({ unknown = [] }) => unknown.length > 0) ? 2 : 0
}
