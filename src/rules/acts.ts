import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import { isEvicting, isFlagged, type Node } from '../longhorn/node.ts'
import {
  type BackingImageChange,
  type Change,
  type DataSourceChange,
  isDeletingController,
  type NodeChange,
} from './change.ts'

/** Disks will be emptied, or join a node that is flagged in this very object (o7). */
export interface Eviction {
  readonly act: 'eviction'
  /** The node after the change. */
  readonly node: Node
  /** True if the first of the node's flags goes up: `gate(N)` turns true (longhorn.md §2). */
  readonly raisesGate: boolean
  /** The names of the disks that are evicted from now on: `want(N,d)` becomes true (longhorn.md §2). */
  readonly evicting: readonly string[]
  /** The names of the disks that join. */
  readonly joining: readonly string[]
}

/** A node loses disks, or is deleted with all of them. */
export interface DiskRemoval {
  readonly act: 'disk-removal'
  readonly before: Node
  /** Undefined when the node is deleted. */
  readonly after: Node | undefined
  /** Their names in `before`. */
  readonly disks: readonly string[]
}

/** Copies leave spec. Deleting the whole image does not count: that removes all copies on purpose. */
export interface Cleanup {
  readonly act: 'cleanup'
  readonly before: BackingImage
  readonly after: BackingImage
  /** The UUIDs of the disks that lose a copy. */
  readonly disks: ReadonlySet<string>
}

/** The first file of an image is placed on a disk, moved to another, or made again. */
export interface Placement {
  readonly act: 'placement'
  readonly source: BackingImageDataSource
  readonly diskUUID: string
}

/** The last of a node's flags is cleared: the cure, never stopped. */
export interface FlagsCleared {
  readonly act: 'flags-cleared'
  readonly node: Node
}

/** An effect of a change that a rule may judge. All except clearing flags can lead to danger. */
export type Act = Eviction | DiskRemoval | Cleanup | Placement | FlagsCleared

/**
 * The effects of a change. They follow from the request alone, never from the disk map, so every replica of
 * the guard sees the same, however old its map is. Objects that are being deleted have none: refusing would
 * block an uninstall (kubernetes.md, The request).
 */
export function actsOf(change: Change): Act[] {
  return excuseOf(change) ? [] : actsUnmarked(change)
}

/**
 * Why a deletion is not judged: `uninstalling`, since Longhorn's uninstaller has marked the object; `collected`, since the
 * namespace controller or the garbage collector deletes it.
 */
export type Mark = 'uninstalling' | 'collected'

/**
 * Why a deletion passes that would otherwise be judged; undefined for all else. Anyone who may write the
 * object can set the mark of the uninstaller, so such a deletion is recorded.
 */
export function passesByMark(change: Change): Mark | undefined {
  const mark = excuseOf(change)
  return mark && actsUnmarked(change).length > 0 ? mark : undefined
}

/** The uninstaller and these controllers only delete; every other write is judged as always. */
function excuseOf({ operation, before, request }: Change): Mark | undefined {
  if (operation !== 'DELETE') return undefined
  if (isDeletingController(request.actor)) return 'collected'
  return before.metadata.uninstalling ? 'uninstalling' : undefined
}

function actsUnmarked(change: Change): Act[] {
  if ((change.before ?? change.after).metadata.terminating) return []
  switch (change.kind) {
    case 'Node':
      return actsOnNode(change)
    case 'BackingImage':
      return actsOnImage(change)
    case 'BackingImageDataSource':
      return actsOnDataSource(change)
  }
}

/** True for a change that can contribute to danger. All others pass at once, in any state of the guard. */
export function isArming(change: Change): boolean {
  return actsOf(change).some(({ act }) => act !== 'flags-cleared')
}

function actsOnNode({ before, after }: NodeChange): Act[] {
  const acts: Act[] = []
  const wasFlagged = before !== undefined && isFlagged(before)
  if (after && isFlagged(after)) {
    const disks = [...after.spec.disks.keys()]
    const raisesGate = !wasFlagged
    const evicting = disks.filter((disk) => isEvicting(after, disk) && !(before && isEvicting(before, disk)))
    const joining = disks.filter((disk) => !before?.spec.disks.has(disk))
    if (raisesGate || evicting.length > 0 || joining.length > 0) {
      acts.push({ act: 'eviction', node: after, raisesGate, evicting, joining })
    }
  }
  if (before) {
    const disks = [...before.spec.disks.keys()].filter((disk) => !after?.spec.disks.has(disk))
    if (disks.length > 0) acts.push({ act: 'disk-removal', before, after, disks })
  }
  if (wasFlagged && after && !isFlagged(after)) acts.push({ act: 'flags-cleared', node: after })
  return acts
}

function actsOnImage({ operation, before, after }: BackingImageChange): Act[] {
  if (operation !== 'UPDATE') return []
  const gone = [...before.spec.diskFileSpecMap.keys()].filter((uuid) => !after.spec.diskFileSpecMap.has(uuid))
  return gone.length > 0 ? [{ act: 'cleanup', before, after, disks: new Set(gone) }] : []
}

function actsOnDataSource({ before, after }: DataSourceChange): Act[] {
  if (!after || after.spec.fileTransferred) return []
  const { diskUUID } = after.spec
  // Once every copy has failed Longhorn downloads again, and it can pick the disk that the data source
  // already names: fileTransferred is cleared, and a first file begins there (o5).
  const stays = diskUUID === before?.spec.diskUUID && !before?.spec.fileTransferred
  return diskUUID === undefined || stays ? [] : [{ act: 'placement', source: after, diskUUID }]
}
