import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import type { ObjectOf } from '../longhorn/kinds.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'
import type { HistoryView } from './history.ts'

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
  dataSource(name: string): BackingImageDataSource | undefined
  dataSources(): Iterable<BackingImageDataSource>

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

/** The kinds that rules look up by name. */
type NamedKind = 'Node' | 'BackingImage' | 'BackingImageDataSource'

/** The map's object of this kind and name; undefined if it has none. */
export function objectOf(map: DiskMapView, kind: NamedKind, name: string): ObjectOf<NamedKind> | undefined {
  switch (kind) {
    case 'Node':
      return map.node(name)
    case 'BackingImage':
      return map.image(name)
    case 'BackingImageDataSource':
      return map.dataSource(name)
  }
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

/** What to do about it. */
export const findLonghorn =
  'Name its namespace with --longhorn-namespace (longhornNamespace in the chart). Look: kubectl get nodes.longhorn.io --all-namespaces'
