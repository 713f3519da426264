import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import type { ObjectOf } from '../longhorn/kinds.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'

/** A node that has a disk in its spec, and the name of the disk there. */
export interface DiskOwner {
  readonly node: string
  readonly disk: string
}

/** A copy that spec no longer has and status still lists. */
export interface PendingCleanup {
  readonly image: string
  readonly diskUUID: string
  /** The state in status: `ready`, `unknown`, … */
  readonly state: string
  /**
   * When the disk map first saw it pending, in milliseconds by the monotonic clock. The clean-up may be
   * older.
   */
  readonly since: number
}

/** A pending clean-up together with the disk of a node that it is on. */
export interface PendingOnNode extends PendingCleanup {
  readonly disk: string
}

/** The kinds that rules look up by name. */
export type NamedKind = 'Node' | 'BackingImage' | 'BackingImageDataSource'

/**
 * The questions that rules ask the disk map. Each answer takes time proportional to its size, not to the
 * cluster. Only `nodes()`, `images()` and `dataSources()` walk the cluster, and a rule stops at the first
 * match.
 */
export interface DiskMapView {
  /** As in Setting `current-longhorn-version`; undefined until it is known. */
  readonly release: string | undefined
  /** Setting `concurrent-backing-image-replenish-per-node-limit`; with 0 Longhorn never makes a copy. */
  readonly replenishLimit: number | undefined
  /** Changes that have ended and may still count. */
  readonly history: HistoryView
  readonly imageCount: number
  /** The number of images with a pending clean-up. */
  readonly pendingImageCount: number

  node(name: string): Node | undefined
  nodes(): Iterable<Node>
  image(name: string): BackingImage | undefined
  images(): Iterable<BackingImage>
  /** Those without a ready copy on a disk that works on some node, in the order of all. Few, unless much is wrong. */
  imagesNotAtWork(): Iterable<BackingImage>
  dataSource(name: string): BackingImageDataSource | undefined
  dataSources(): Iterable<BackingImageDataSource>
  /** The object of this kind and name; undefined if the map lacks it. */
  object(kind: NamedKind, name: string): ObjectOf<NamedKind> | undefined

  /**
   * Several for a moment while a disk moves from node to node, or gets another name on one node; none for a
   * disk that no node has.
   */
  ownersOf(diskUUID: string): readonly DiskOwner[]
  /**
   * True for a disk that works on some node that has it. Any other disk may be on a node where Longhorn has
   * not found its UUID yet: its node is down or being deleted, the disk is broken there, or no node has it.
   */
  isAtWork(diskUUID: string): boolean
  /** The nodes with a disk in spec whose UUID is not known yet. */
  nodesWithUnsyncedDisks(): Iterable<Node>

  copiesOf(image: string): readonly Copy[]
  /** The images with a copy on the disk, in whatever phase. */
  imagesOn(diskUUID: string): Iterable<BackingImage>
  /** All pending clean-ups, on any disk. */
  pendingCleanups(): Iterable<PendingCleanup>
  /** Those of one image. */
  pendingOf(image: string): Iterable<PendingCleanup>
  pendingOn(diskUUID: string): Iterable<PendingCleanup>
  pendingOnNode(node: string): Iterable<PendingOnNode>
  /** Clean-ups pending on disks that work on no node. The disk may be on its way to a node. */
  pendingOnUnownedDisks(): Iterable<PendingCleanup>
  /** The data sources that still make their first file on the disk. */
  unfinishedFirstFilesOn(diskUUID: string): Iterable<BackingImageDataSource>
  replica(name: string): Replica | undefined
  /** The names of the replicas on the disk that use the image. */
  replicasUsing(image: string, diskUUID: string): Iterable<string>
  /** The names of all replicas on the disk, with a backing image or without. */
  replicasOn(diskUUID: string): Iterable<string>
  /** The state of the disk's backing image manager. Unless it is `running`, a clean-up cannot end. */
  managerState(diskUUID: string): string | undefined
}

/**
 * True if the map's namespace has a Longhorn: a node, or the Setting `current-longhorn-version`. Without
 * both, Longhorn most likely runs in another namespace.
 */
export function hasLonghorn(map: Pick<DiskMapView, 'release' | 'nodes'>): boolean {
  if (map.release !== undefined) return true
  for (const _ of map.nodes()) return true
  return false
}

/** Says that there is none, as a sentence. */
export function noLonghornIn(namespace: string): string {
  return `There is no Longhorn in namespace ${namespace}: no node, and no setting current-longhorn-version.`
}

/** The advice if the guard finds no Longhorn. */
export const findLonghorn =
  'Name its namespace with --longhorn-namespace (longhornNamespace in the chart). Look: kubectl get nodes.longhorn.io --all-namespaces'

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

/** Questions that a history answers. */
export interface HistoryView {
  /** All remembered changes that have ended. */
  ended(): Iterable<Ended>
  /** Those of them on the disk. */
  endedOn(diskUUID: string): Iterable<Ended>
  /** The latest such changes of this kind. */
  unseen(kind: EndingKind): UnseenChanges | undefined
  /** The latest outage, joined with those shortly before it. */
  readonly outage: Outage | undefined
}
