import type { Change } from '../rules/change.ts'
import type { Answer } from './answer.ts'
import type { Verdict } from './verdict.ts'

/** How long whoever asks can wait. */
export interface WaitBudget {
  /** Milliseconds. */
  readonly budgetMs: number
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** False for a change that takes too much memory to be held. */
  readonly mayHold?: boolean
}

/** What the gate has decided of one change, and all that its door needs of it. */
export interface Outcome {
  readonly verdict: Verdict
  /** The verdict in words and codes, the same at every door. */
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
export type Decide = (change: Change, wait: WaitBudget) => Promise<Outcome>
