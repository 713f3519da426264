/** A clean-up that is over: status lists the copy no longer, spec lists it again, or the image is gone. */
export interface EndedCleanup {
  readonly what: 'clean-up'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A first file that is finished, given up, or made on another disk now. */
interface EndedFirstFile {
  readonly what: 'first file'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A disk that no eviction concerns any more: flags were cleared, or the disk or its node is gone. */
export interface EndedEviction {
  readonly what: 'eviction'
  readonly node: string
  /** The name of the disk there. */
  readonly disk: string
  readonly diskUUID: string
  /** True if this very disk was to be emptied, false if another disk of its node was (longhorn.md §2, profile A). */
  readonly evicting: boolean
  readonly at: number
}

/**
 * Something that is over. Longhorn may not have noticed yet: its managers work on copies of objects that lag. `at` is
 * when the disk map was told, in milliseconds by the monotonic clock, so never before it was so.
 */
export type Ended = EndedCleanup | EndedFirstFile | EndedEviction

/** The kinds of which something can end. */
export const endingKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/** One of the {@link endingKinds}. */
export type EndingKind = (typeof endingKinds)[number]

/** True for a kind of which something can end. */
export function canEnd(kind: string): kind is EndingKind {
  return endingKinds.some((each) => each === kind)
}

/**
 * Why more may have ended than can be told by disk:
 *
 * - `missed`: there were more changes of spec than the disk map was told, by the object's generation. In between an image
 *   may have been cleaned up on any disk, those included that it has no more, and a node may have had a flag and any disk.
 * - `no UUID`: an eviction ended on these disks of a node, of which nobody knows yet which they are.
 */
export type Unseen =
  { readonly why: 'missed' } | { readonly why: 'no UUID'; readonly disks: readonly string[] }

/** What may have ended on any disk. */
export interface UnseenChanges {
  readonly kind: EndingKind
  readonly name: string
  readonly what: Unseen
  /** When the disk map learnt of it: whatever came and went did so before; in milliseconds by the monotonic clock. */
  readonly at: number
}

/** A time in which the connection to the API server was broken, and so perhaps those of Longhorn's managers. */
export interface Outage {
  /** The last moment before it that all was known to be well, in milliseconds by the monotonic clock. */
  readonly began: number
  /** Undefined while it lasts. */
  readonly ended: number | undefined
}
