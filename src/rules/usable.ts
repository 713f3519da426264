import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isReady, type Copy } from '../longhorn/copies.ts'
import { isEvicting } from '../longhorn/node.ts'

const failed = new Set(['failed', 'failed-and-cleanup'])

/**
 * True for a copy that may hold the whole image, now or once its node is back: `unknown` means that the node or the
 * disk's manager is merely down (longhorn.md §1). On a disk that no node has it stays unknown for ever.
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
 * True for a usable copy on a disk that some node has and that is not lost there. A state that nobody updates any more, since
 * the node was deleted, says nothing.
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

/** True for a copy that could not be made, or was found to be broken. */
export function isFailed({ state }: Copy): boolean {
  return failed.has(state)
}
