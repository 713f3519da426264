import type { DiskMapView, PendingCleanup } from '../../disk-map/disk-map-view.ts'
import type { DiskFileSpec } from '../../longhorn/backing-image.ts'
import { isReady, isReadySoon } from '../../longhorn/copies.ts'
import { diskUUID, isEvicting, isFlagged, type Node } from '../../longhorn/node.ts'
import type { Profile } from '../../longhorn/releases.ts'
import { isWorthless } from '../../rules/copies-left.ts'

/** The remaining objects on the disks of a target. */
export interface Remains {
  readonly found: TargetDisks
  readonly map: DiskMapView
  /** The names of the replicas, with a backing image or without. */
  readonly replicas: readonly string[]
  /** The images with a copy in spec; empty if Longhorn does not move copies. */
  readonly images: readonly string[]
  readonly pending: readonly PendingCleanup[]
}

/** Finds the remaining objects on the disks of a target. */
export function remainsOn(found: TargetDisks, map: DiskMapView, profile: Profile): Remains {
  const disks = disksOf(found)
  return {
    found,
    map,
    replicas: disks.flatMap((uuid) => [...map.replicasOn(uuid)]).toSorted(),
    // Before 1.7 copies are not moved: they stay where they are.
    images: profile === 'none' ? [] : imagesOn(found, map),
    pending: disks.flatMap((uuid) => [...map.pendingOn(uuid)]),
  }
}

/** True if nothing is left. */
export function isEmpty({ replicas, images, pending }: Remains): boolean {
  return replicas.length + images.length + pending.length === 0
}

/** True if Longhorn does the rest, whatever the flags are. */
export function isOnlyRemoval(target: Target, remains: Remains): boolean {
  const { replicas, images, map, found } = remains
  if (replicas.length > 0 || !isClosed(target, found)) return false
  if (isFlagged(found.node)) return images.every((image) => mayGo(image, remains))
  return images.every((image) => isMarked(image, found, map))
}

/** True if the copies of this image no longer need the flag. */
export function mayGo(image: string, { found, map }: Remains): boolean {
  if (!isMarked(image, found, map)) return false
  return hasReplacement(image, found, map) || isReplacedLater(image, map) || isLost(image, found, map)
}

/**
 * True if every copy of the image on these disks is marked, so Longhorn removes it whatever the flags are.
 */
function isMarked(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const specs = map.image(name)?.spec.diskFileSpecMap
  return disksOf(found).every((uuid) => specs?.get(uuid)?.evictionRequested ?? true)
}

/** One is enough: Longhorn makes the others once the flag is cleared (longhorn.md §2, o4). */
function hasReplacement(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const going = new Set(disksOf(found))
  const specs = map.image(name)?.spec.diskFileSpecMap
  return map
    .copiesOf(name)
    .some(
      (copy) => isReady(copy) && !going.has(copy.diskUUID) && !specs?.get(copy.diskUUID)?.evictionRequested,
    )
}

/**
 * True if the replacement can come only once the flag is cleared. If all copies go, Longhorn keeps one until
 * a new one exists, and removes the others in the same write that adds it. A guard that holds the removal
 * holds both.
 */
function isReplacedLater(name: string, map: DiskMapView): boolean {
  const specs = map.image(name)?.spec.diskFileSpecMap ?? new Map<string, DiskFileSpec>()
  const isGoing = (uuid: string): boolean => specs.get(uuid)?.evictionRequested === true
  const going = [...specs.keys()].filter(isGoing)
  if (going.length < 2) return false
  return !map.copiesOf(name).some((copy) => isReadySoon(copy) && !isGoing(copy.diskUUID))
}

/** True if all copies of the image on these disks have failed, so nothing needs a replacement. */
function isLost(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const disks = new Set(disksOf(found))
  return map.copiesOf(name).every((copy) => !disks.has(copy.diskUUID) || isWorthless(copy))
}

function disksOf({ uuids }: TargetDisks): string[] {
  return [...uuids.values()].flatMap((uuid) => uuid ?? [])
}

/** The images with a copy in spec on these disks. */
function imagesOn(found: TargetDisks, map: DiskMapView): string[] {
  const names = new Set<string>()
  for (const uuid of disksOf(found)) {
    for (const { metadata, spec } of map.imagesOn(uuid)) {
      if (spec.diskFileSpecMap.has(uuid)) names.add(metadata.name)
    }
  }
  return [...names].toSorted()
}

/** The images with a copy, or a pending clean-up, on these disks. */
export function imagesLeft({ images, pending }: Remains): string[] {
  return [...new Set([...images, ...pending.map(({ image }) => image)])].toSorted()
}

/** The target of an eviction: a node, or one of its disks. */
export interface Target {
  readonly node: string
  /** Undefined for all disks of the node. */
  readonly disk: string | undefined
}

/** The current disks of a target. */
export interface TargetDisks {
  readonly node: Node
  /** Their names in `Node.spec.disks`. */
  readonly disks: readonly string[]
  /** By name; undefined for a disk that Longhorn has not synced yet. */
  readonly uuids: ReadonlyMap<string, string | undefined>
}

/** Finds a target in the disk map; undefined for an unknown node or disk. */
export function findTarget({ node: name, disk }: Target, map: DiskMapView): TargetDisks | undefined {
  const node = map.node(name)
  if (!node || (disk !== undefined && !node.spec.disks.has(disk))) return undefined
  const disks = disk === undefined ? [...node.spec.disks.keys()] : [disk]
  return { node, disks, uuids: new Map(disks.map((each) => [each, diskUUID(node, each)])) }
}

/** True if every disk of the target is being evicted. */
export function isRequested({ disk }: Target, { node, disks }: TargetDisks): boolean {
  return disk === undefined ? node.spec.evictionRequested : disks.every((each) => isEvicting(node, each))
}

/** The other evictions on the node: `the whole node`, `disk disk-2`. A whole node has none. */
export function evictedBeside({ disk }: Target, { node }: TargetDisks): string[] {
  if (disk === undefined) return []
  const others = [...node.spec.disks].filter(([name, each]) => name !== disk && each.evictionRequested)
  return [
    ...(node.spec.evictionRequested ? ['the whole node'] : []),
    ...others.map(([name]) => `disk ${name}`),
  ]
}

/** True if Longhorn places nothing new on the target. */
export function isClosed({ disk }: Target, { node, disks }: TargetDisks): boolean {
  if (!node.spec.allowScheduling) return true
  return disk !== undefined && disks.every((each) => node.spec.disks.get(each)?.allowScheduling === false)
}

/** The node after the eviction is requested. */
export function withEviction({ disk }: Target, node: Node): Node {
  const { spec } = node
  if (disk === undefined) {
    return { ...node, spec: { ...spec, allowScheduling: false, evictionRequested: true } }
  }
  const disks = [...spec.disks].map(([name, each]) =>
    name === disk
      ? ([name, { ...each, allowScheduling: false, evictionRequested: true }] as const)
      : ([name, each] as const),
  )
  return { ...node, spec: { ...spec, disks: new Map(disks) } }
}

/** The merge patch that closes a target for scheduling. */
export function closePatch({ disk }: Target): { readonly spec: object } {
  const closed = { allowScheduling: false }
  return { spec: disk === undefined ? closed : { disks: { [disk]: closed } } }
}

/**
 * The merge patch that requests the eviction, or, with `false`, clears its flags and leaves scheduling
 * closed.
 */
export function evictionPatch(
  { disk }: Target,
  { spec }: Node,
  evictionRequested: boolean,
): { readonly spec: object } {
  const wanted = evictionRequested ? { allowScheduling: false, evictionRequested } : { evictionRequested }
  if (disk !== undefined) return { spec: { disks: { [disk]: wanted } } }
  const flagged = [...spec.disks].filter(([, each]) => each.evictionRequested)
  if (evictionRequested || flagged.length === 0) return { spec: wanted }
  // A single disk's flag would keep the danger, and so the hold on removals.
  return { spec: { ...wanted, disks: Object.fromEntries(flagged.map(([name]) => [name, wanted])) } }
}

/** The nodes that are closed for scheduling or still flagged, or whose disk of this name is. */
export function leftClosed(nodes: readonly string[], disk: string | undefined, map: DiskMapView): string[] {
  return nodes.filter((name) => {
    const node = map.node(name)
    if (node === undefined) return false
    if (disk === undefined) return !node.spec.allowScheduling || isFlagged(node)
    const spec = node.spec.disks.get(disk)
    return spec !== undefined && (!spec.allowScheduling || spec.evictionRequested)
  })
}
