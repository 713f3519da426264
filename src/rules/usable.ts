import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Copy } from '../longhorn/copies.ts'

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

/** True for a copy with nothing to lose: only planned, or failed. */
export function isWorthless(copy: Copy): boolean {
  return copy.phase === 'planned' || failed.has(copy.state)
}
