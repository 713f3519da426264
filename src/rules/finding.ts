/** Every rule; one file each in this folder. */
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

/** What a rule has to say against a change. */
export interface Finding {
  readonly rule: RuleName
  readonly effect: Effect
  readonly subjects: readonly Subject[]
  /** What would happen, to which objects, in which state, since when, and the command to look. */
  readonly message: string
  /** What has to be so before the change passes, or what to do instead. */
  readonly clears: string
  /** When time alone clears it, in milliseconds by the monotonic clock; left out where something has to happen. */
  readonly until?: number
}
