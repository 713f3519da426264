/** Every rule; `judge.ts` names the file of each. */
export const ruleNames = [
  'eviction-during-cleanup',
  'cleanup-during-eviction',
  'first-file-during-eviction',
  'first-file-unfinished',
  'last-usable-copy',
  'evict-unready-copy',
  'copy-in-use',
  'below-min-copies',
  'disk-removal-with-copies',
  'images-nowhere',
  'no-eviction-target',
  'lingering-eviction',
  'eviction-budget',
] as const

/** The name of a rule, as in messages, records and configuration. */
export type RuleName = (typeof ruleNames)[number]

/** The effect of a finding: never, not now, or a warning. */
export type Effect = 'refuse' | 'hold' | 'warn'

/** The subjects of a finding. Unknown parts, and parts with several values, are left out. */
export interface Subject {
  readonly node?: string
  /** The name of the disk in `Node.spec.disks`. */
  readonly disk?: string
  readonly diskUUID?: string
  readonly image?: string
}

/**
 * The objection of a rule to a change, in parts: `layout.ts` combines them for each reader. Texts are plain
 * English (docs/writing.md). `why` and `next` are whole sentences.
 */
export interface Finding {
  readonly rule: RuleName
  readonly effect: Effect
  readonly subjects: readonly Subject[]
  /** The change, without the verdict: `evicting disk-2 of node-1`. */
  readonly doing: string
  /**
   * The obstacle, its state and since when: `backing image ubuntu is still being removed from disk-1 (for
   * 12s)`.
   */
  readonly found: string
  /** The consequence. */
  readonly why: string
  /** The event that ends the wait, or the advice. */
  readonly next: string
  /** Commands that show it. */
  readonly look: readonly string[]
  /** When time alone ends it, in milliseconds by the monotonic clock; absent if something has to happen. */
  readonly until?: number
}
