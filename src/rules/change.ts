import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import { isEvicting, isFlagged, type Node } from '../longhorn/node.ts'

/** The kinds whose writes are judged. */
export type JudgedObject = Node | BackingImage | BackingImageDataSource

/** The names of those kinds. */
export type JudgedKind = JudgedObject['kind']

/** The door of a request. */
type Door = 'webhook' | 'proxy-kubernetes' | 'proxy-longhorn' | 'check'

/** The user, as the API server knows it. */
export interface Actor {
  readonly username: string
  readonly groups: readonly string[]
}

/** The parts of every change besides its objects. */
export interface Request {
  /** Names the request in records; one client request may be reviewed many times under new ids. */
  readonly uid: string
  readonly actor: Actor
  readonly dryRun: boolean
  readonly door: Door
  /** When the gate was asked, in milliseconds since the epoch; absent before. */
  readonly askedAt?: number
}

/** An object appears, changes, or goes. */
export type Step<T extends JudgedObject> =
  | { readonly operation: 'CREATE'; readonly before?: never; readonly after: T }
  | { readonly operation: 'UPDATE'; readonly before: T; readonly after: T }
  | { readonly operation: 'DELETE'; readonly before: T; readonly after?: never }

/** One requested write to a judged kind, normalised. */
type ChangeOf<T extends JudgedObject> = {
  readonly kind: T['kind']
  readonly request: Request
} & Step<T>

/** A requested write to a Longhorn node. */
export type NodeChange = ChangeOf<Node>

/** A requested write to a backing image. */
export type BackingImageChange = ChangeOf<BackingImage>

/** A requested write to a backing image data source. */
export type DataSourceChange = ChangeOf<BackingImageDataSource>

/** One requested write, whatever its door. */
export type Change = NodeChange | BackingImageChange | DataSourceChange

/** A hypothetical update of a node, to learn the findings of the rules. */
export function proposedUpdate(before: Node, after: Node): NodeChange {
  const request = { uid: '', actor: { username: '', groups: [] }, dryRun: true, door: 'check' } as const
  return { kind: 'Node', operation: 'UPDATE', before, after, request }
}

/** The name of the changed object. */
export function nameOf(change: Change): string {
  return (change.after ?? change.before).metadata.name
}

/**
 * The controllers that delete objects on purpose: the namespace controller, when a namespace ends, and the
 * garbage collector, when an owner is gone. Refusing them prevents nothing that a person could still change,
 * and leaves the namespace in `Terminating` for ever. Without `--use-service-account-credentials` both act as
 * the controller manager.
 */
export const deletingControllers: readonly string[] = [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager',
]

/** True for one of the {@link deletingControllers}. */
export function isDeletingController({ username }: Pick<Actor, 'username'>): boolean {
  return deletingControllers.includes(username)
}

/** Disks will be emptied, or join a node that is flagged in this very object (o7). */
export interface Eviction {
  readonly act: 'eviction'
  /** The node after the change. */
  readonly node: Node
  /** True if the first of the node's flags goes up: `gate(N)` turns true (longhorn.md §2). */
  readonly raisesFirstFlag: boolean
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
    const raisesFirstFlag = !wasFlagged
    const evicting = disks.filter((disk) => isEvicting(after, disk) && !(before && isEvicting(before, disk)))
    const joining = disks.filter((disk) => !before?.spec.disks.has(disk))
    if (raisesFirstFlag || evicting.length > 0 || joining.length > 0) {
      acts.push({ act: 'eviction', node: after, raisesFirstFlag, evicting, joining })
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
