/** A clean-up that has ended: status no longer lists the copy, spec lists it again, or the image is gone. */
export interface EndedCleanup {
  readonly what: 'clean-up'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A first file that is finished, given up, or now made on another disk. */
interface EndedFirstFile {
  readonly what: 'first file'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A disk that is no longer concerned by an eviction: flags were cleared, or the disk or its node is gone. */
export interface EndedEviction {
  readonly what: 'eviction'
  readonly node: string
  /** The name of the disk there. */
  readonly disk: string
  readonly diskUUID: string
  /**
   * True if this very disk was evicted, false if another disk of its node was (longhorn.md §2, profile A).
   */
  readonly evicting: boolean
  readonly at: number
}

/**
 * A change that has ended. Longhorn may not have noticed: its managers work on caches that lag. `at` is when
 * the disk map saw the end, in milliseconds by the monotonic clock. The real end was earlier.
 */
export type Ended = EndedCleanup | EndedFirstFile | EndedEviction

/** The kinds with changes that can end. */
export const endingKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/** One of the {@link endingKinds}. */
export type EndingKind = (typeof endingKinds)[number]

/** True for a kind with changes that can end. */
export function canEnd(kind: string): kind is EndingKind {
  return endingKinds.some((each) => each === kind)
}

/**
 * Why more changes may have ended than the map can list by disk:
 *
 * - `missed`: the object's generation shows more changes of spec than the disk map saw. In between, an image
 *   may have had a clean-up on any disk, also on one that it no longer has. A node may have had a flag and
 *   any disk.
 * - `no UUID`: an eviction ended on disks of a node whose UUIDs are not known yet.
 */
export type Unseen =
  { readonly why: 'missed' } | { readonly why: 'no UUID'; readonly disks: readonly string[] }

/** Changes that may have ended on any disk. */
export interface UnseenChanges {
  readonly kind: EndingKind
  readonly name: string
  readonly what: Unseen
  /** When the disk map noticed, in milliseconds by the monotonic clock. All such changes ended before it. */
  readonly at: number
}

/** A time without a connection to the API server, and so perhaps without one for Longhorn's managers. */
export interface Outage {
  /**
   * The last moment before it at which the connection was known to work, in milliseconds by the monotonic
   * clock.
   */
  readonly began: number
  /** Undefined while it lasts. */
  readonly ended: number | undefined
}
