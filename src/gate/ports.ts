import type { Change } from '../rules/change.ts'
import type { Verdict } from './verdict.ts'

/** How much the disk map can be trusted. */
export interface Knowledge {
  /** True once every kind was listed completely. */
  readonly synced: boolean
  /** Milliseconds since the map was last known to be current; Infinity before that. */
  ageMs(): number
  /** The objects whose present version could not be read: whatever depends on them is not known. */
  readonly unreadable: readonly { readonly kind: string; readonly name: string; readonly problem: string }[]
}

/** Time, in milliseconds since the epoch. */
export interface Clock {
  now(): number
}

/** Puts what was decided on record; called before the answer leaves. */
export interface Audit {
  /** @param decisionMs how long the decision took */
  decided(change: Change, verdict: Verdict, decisionMs: number): void
}
