import type { Change } from '../rules/change.ts'
import type { Patience } from './holds.ts'
import type { Answer } from './status.ts'
import type { Verdict } from './verdict.ts'

/** What was decided of one change, and the answer that tells it. */
export interface Decision {
  readonly verdict: Verdict
  readonly answer: Answer
  /**
   * For a door that hears what became of the write: takes back what was reserved, once nothing of it is on its way any
   * more. Whoever does not call it, or cannot know, leaves that to the watch and to the deadline. Never rejects.
   */
  readonly release?: (() => Promise<void>) | undefined
  /**
   * True once so much time went by since it was reserved that it must not be passed on any more: whoever passes writes on
   * asks right before. It counts by whichever clock went further, since one stands still in sleep and one can be set.
   */
  readonly isLate?: (() => boolean) | undefined
}

/** Decides one change; webhook, proxy and command line all call this and nothing else. */
export type Decide = (change: Change, patience: Patience) => Promise<Decision>
