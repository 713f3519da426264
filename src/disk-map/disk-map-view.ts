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

/** A copy that is gone from spec and still in status. */
export interface PendingCleanup {
  readonly image: string
  readonly diskUUID: string
  /** The state in status: `ready`, `unknown`, … */
  readonly state: string
  /** When the disk map first saw it pending, in milliseconds by the monotonic clock; it may have been pending before. */
  readonly since: number
}

/** A pending clean-up together with the disk of a node that it is on. */
export interface PendingOnNode extends PendingCleanup {
  readonly disk: string
}

/** The kinds that are looked up by their name. */
export type NamedKind = 'Node' | 'BackingImage' | 'BackingImageDataSource'

/**
 * What rules ask of the disk map. Each answer takes time proportional to itself, whatever the size of the cluster;
 * `nodes()`, `images()` and `dataSources()` alone walk the cluster, and who judges stops at the first that serves.
 */
export interface DiskMapView {
  /** As in Setting `current-longhorn-version`; undefined until it is known. */
  readonly release: string | undefined
  /** Setting `concurrent-backing-image-replenish-per-node-limit`; 0 means that no copy is ever made. */
  readonly replenishLimit: number | undefined
  /** What is over and may still count. */
  readonly history: HistoryView
  readonly imageCount: number
  /** How many images have a clean-up pending. */
  readonly pendingImageCount: number

  node(name: string): Node | undefined
  nodes(): Iterable<Node>
  image(name: string): BackingImage | undefined
  images(): Iterable<BackingImage>
  dataSource(name: string): BackingImageDataSource | undefined
  dataSources(): Iterable<BackingImageDataSource>
  /** The object of this kind and name; undefined if the map lacks it. */
  object(kind: NamedKind, name: string): ObjectOf<NamedKind> | undefined

  /**
   * More than one for a moment while a disk moves from node to node, or from name to name on one node; none for a
   * disk that no node has.
   */
  ownersOf(diskUUID: string): readonly DiskOwner[]
  /**
   * True for a disk that works on some node that has it. Any other may have been moved to a node where Longhorn has not found
   * its UUID out yet: its own is down or being deleted, or the disk is broken there, or no node has it.
   */
  isAtWork(diskUUID: string): boolean
  /** The nodes with a disk in spec whose UUID is not known yet. */
  nodesWithUnsyncedDisks(): Iterable<Node>

  copiesOf(image: string): readonly Copy[]
  /** The images with a copy on the disk, in whatever phase. */
  imagesOn(diskUUID: string): Iterable<BackingImage>
  /** All that are pending, wherever. */
  pendingCleanups(): Iterable<PendingCleanup>
  /** Those of one image. */
  pendingOf(image: string): Iterable<PendingCleanup>
  pendingOn(diskUUID: string): Iterable<PendingCleanup>
  pendingOnNode(node: string): Iterable<PendingOnNode>
  /** Clean-ups pending on disks that no node has at work: the disk may be on its way to a node. */
  pendingOnUnownedDisks(): Iterable<PendingCleanup>
  /** The data sources that still make their first file on the disk. */
  unfinishedFirstFilesOn(diskUUID: string): Iterable<BackingImageDataSource>
  replica(name: string): Replica | undefined
  /** The names of the replicas on the disk that use the image. */
  replicasUsing(image: string, diskUUID: string): Iterable<string>
  /** The names of all replicas on the disk, with a backing image or without. */
  replicasOn(diskUUID: string): Iterable<string>
  /** The state of the disk's backing image manager; while it is not `running` a clean-up cannot end. */
  managerState(diskUUID: string): string | undefined
}

/**
 * True if there is a Longhorn where the map looks: a node of it, or its Setting `current-longhorn-version`. Without both
 * the namespace is most likely not the one that Longhorn runs in.
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

/** What to do about it. */
export const findLonghorn =
  'Name its namespace with --longhorn-namespace (longhornNamespace in the chart). Look: kubectl get nodes.longhorn.io --all-namespaces'

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

/** What a history tells. */
export interface HistoryView {
  /** All that is over and still remembered. */
  ended(): Iterable<Ended>
  /** What of it was on the disk. */
  endedOn(diskUUID: string): Iterable<Ended>
  /** The latest such changes of this kind. */
  unseen(kind: EndingKind): UnseenChanges | undefined
  /** The latest, with those shortly before it. */
  readonly outage: Outage | undefined
}
