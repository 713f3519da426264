import type { Answer } from './checker.ts'
import type { Proposal } from './proposal.ts'

/** What would become of one document. */
export interface CheckResult {
  /** `file.yaml:12` */
  readonly source: string
  /** `UPDATE of Node node-1` */
  readonly what: string
  readonly outcome: 'admitted' | 'held' | 'refused' | 'not-judged' | 'unusable'
  /** The rules that had something to say. */
  readonly rules: readonly string[]
  /** What the guard would say, or what is wrong with the document. */
  readonly message?: string
  readonly warnings: readonly string[]
}

/** Puts an answer into the words of a check. */
export function resultOf(
  source: string,
  what: string,
  answer: Answer | { readonly problem: string },
): CheckResult {
  if ('problem' in answer) {
    return { source, what, outcome: 'unusable', rules: [], message: answer.problem, warnings: [] }
  }
  const { status, warnings = [], auditAnnotations } = answer
  const { decision, reason, rules } = auditAnnotations
  return {
    source,
    what,
    outcome: reason === 'not-judged' ? 'not-judged' : (outcomes[decision ?? ''] ?? 'unusable'),
    rules: rules === undefined ? [] : rules.split(','),
    ...(status ? { message: status.message } : {}),
    warnings,
  }
}

const outcomes: Readonly<Record<string, CheckResult['outcome']>> = {
  allow: 'admitted',
  hold: 'held',
  refuse: 'refused',
  unavailable: 'unusable',
}

/** The result of what never came to a review. */
export function resultWithout(
  source: string,
  proposal: Exclude<Proposal, { readonly outcome: 'review' }>,
): CheckResult {
  const { what, outcome } = proposal
  const message = outcome === 'unusable' ? { message: proposal.problem } : {}
  return { source, what, outcome, rules: [], warnings: [], ...message }
}

/** What all of them together come to. */
export function exitCodeOf(results: readonly CheckResult[]): 0 | 1 | 2 {
  if (results.some(({ outcome }) => outcome === 'unusable')) return 2
  return results.some(({ outcome }) => outcome === 'held' || outcome === 'refused') ? 1 : 0
}
