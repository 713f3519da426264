import type { Change } from '../rules/change.ts'
import type { Answer } from './status.ts'
import type { Verdict } from './verdict.ts'

/** What was decided of one change, and the answer that tells it. */
export interface Decision {
  readonly verdict: Verdict
  readonly answer: Answer
}

/**
 * Decides one change; webhook, proxy and command line all call this and nothing else.
 *
 * @param budgetMs how long the caller can wait for the decision
 */
export type Decide = (change: Change, budgetMs: number) => Promise<Decision>
