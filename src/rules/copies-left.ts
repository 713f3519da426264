import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, isReady } from '../longhorn/copies.ts'
import { diskUUID, isEvicting, type Node } from '../longhorn/node.ts'
import type { Cleanup, Eviction } from './change.ts'
import type { Subject } from './finding.ts'

/** A copy of an eviction: an image on a disk that is evicted from now on. */
interface EvictedCopy {
  readonly image: BackingImage
  readonly node: string
  readonly disk: string
  readonly diskUUID: string
}

/**
 * The copies in spec or in status on the disks that are evicted from now on, each once, however often status
 * has the disk. An image that is being deleted loses them all anyway.
 */
export function* evictedCopies({ node, evicting }: Eviction, map: DiskMapView): Iterable<EvictedCopy> {
  const seen = new Set<string>()
  for (const disk of evicting) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined || seen.has(uuid)) continue
    seen.add(uuid)
    for (const image of map.imagesOn(uuid)) {
      if (!image.metadata.terminating) yield { image, node: node.metadata.name, disk, diskUUID: uuid }
    }
  }
}

/** All nodes as they will be once the eviction is requested. */
export function* nodesAfter({ node }: Eviction, map: DiskMapView): Iterable<Node> {
  for (const other of map.nodes()) if (other.metadata.name !== node.metadata.name) yield other
  yield node
}

/**
 * A predicate: true for the UUID of a disk that is evicted once the eviction is requested. Made once for an
 * act, since a node can have thousands of disks, and an image as many copies.
 */
export function evictedAfter({ node }: Eviction, map: DiskMapView): (uuid: string) => boolean {
  const own = new Set<string>()
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid !== undefined && isEvicting(node, disk)) own.add(uuid)
  }
  const elsewhere = new Map<string, boolean>()
  return (uuid) => {
    if (own.has(uuid)) return true
    let known = elsewhere.get(uuid)
    if (known === undefined) {
      known = map.ownersOf(uuid).some((owner) => {
        const other = owner.node === node.metadata.name ? undefined : map.node(owner.node)
        return other !== undefined && isEvicting(other, owner.disk)
      })
      elsewhere.set(uuid, known)
    }
    return known
  }
}

/** Caches per image the answers that an eviction of many disks needs for each of its copies. */
export function oncePerImage<T>(find: (image: BackingImage) => T): (image: BackingImage) => T {
  const found = new Map<BackingImage, { readonly value: T }>()
  return (image) => {
    let known = found.get(image)
    if (!known) found.set(image, (known = { value: find(image) }))
    return known.value
  }
}

/** The copies of an image, sorted by the effect of a clean-up. */
interface CleanupOutcome {
  readonly removed: readonly Copy[]
  readonly kept: readonly Copy[]
}

/** Sorts the copies by the old spec and the stored status: the state before the write. */
export function outcomeOf({ before, after, disks }: Cleanup): CleanupOutcome {
  const copies = copiesOf({ ...before, status: after.status })
  return {
    removed: copies.filter(({ diskUUID }) => disks.has(diskUUID)),
    kept: copies.filter(({ diskUUID, phase }) => !disks.has(diskUUID) && phase !== 'pending cleanup'),
  }
}

/** A copy with its node and disk, as far as they are known. */
export function subjectOf({ image, diskUUID }: Copy, map: DiskMapView): Subject {
  const [owner] = map.ownersOf(diskUUID)
  return { ...owner, diskUUID, image }
}

const failed = new Set(['failed', 'failed-and-cleanup'])

/**
 * True for a copy that may be complete, now or once its node is back: `unknown` only means that the node or
 * the disk's manager is down (longhorn.md §1). On a disk that no node has it stays unknown for ever.
 */
export function isUsable(copy: Copy, map: DiskMapView): boolean {
  if (copy.phase !== 'present') return false
  switch (copy.state) {
    case 'ready':
    case 'ready-for-transfer':
      return true
    case 'unknown':
      return map.ownersOf(copy.diskUUID).length > 0
    default:
      return false
  }
}

/**
 * True for a usable copy on a disk that some node has and that is not lost there. The last state from a
 * deleted node says nothing.
 *
 * @param stands see {@link standingDisks}
 */
export function isCountedOn(copy: Copy, map: DiskMapView, stands: (uuid: string) => boolean): boolean {
  return isUsable(copy, map) && stands(copy.diskUUID)
}

/**
 * True for a usable copy that stays: one that is not ready goes with the eviction of its disk, since eviction deletes
 * all evicting copies if none is ready (longhorn.md §4).
 */
export function survives(copy: Copy, map: DiskMapView, stands: (uuid: string) => boolean): boolean {
  if (!isCountedOn(copy, map, stands)) return false
  if (isReady(copy)) return true
  return !map.ownersOf(copy.diskUUID).some(({ node: name, disk }) => {
    const node = map.node(name)
    return node !== undefined && isEvicting(node, disk)
  })
}

/** True for a copy with nothing to lose: only planned, or failed. */
export function isWorthless(copy: Copy): boolean {
  return copy.phase === 'planned' || isFailed(copy)
}

/** True for a copy that could not be made, or turned out to be broken. */
export function isFailed({ state }: Copy): boolean {
  return failed.has(state)
}
