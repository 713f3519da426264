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

/** What a finding asks for: never, not now, or take care. */
export type Effect = 'refuse' | 'hold' | 'warn'

/** What a finding is about. A part that is not known, or not of one thing, is left out. */
export interface Subject {
  readonly node?: string
  /** The name of the disk in `Node.spec.disks`. */
  readonly disk?: string
  readonly diskUUID?: string
  readonly image?: string
}

/**
 * What a rule has to say against a change, in parts: `layout.ts` puts them together for each reader. Texts are plain English
 * (docs/writing.md). `why` and `next` are whole sentences.
 */
export interface Finding {
  readonly rule: RuleName
  readonly effect: Effect
  readonly subjects: readonly Subject[]
  /** What the change does, without its fate: `evicting disk-2 of node-1`. */
  readonly doing: string
  /** What stands against it, in which state and since when: `backing image ubuntu is still being removed from disk-1 (for 12s)`. */
  readonly found: string
  /** What would come of it. */
  readonly why: string
  /** What ends it, or what to do instead. */
  readonly next: string
  /** Commands that show it. */
  readonly look: readonly string[]
  /** When time alone ends it, in milliseconds by the monotonic clock; left out where something has to happen. */
  readonly until?: number
}
