import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isEvicting, isFlagged, type Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/profile.ts'

/**
 * True if a flag and a pending clean-up have met on a node, so that its manager crashes, or will at its next look
 * (longhorn.md §2). The guard lets it come to this only where Longhorn writes status ahead of spec by itself, or where
 * it was not asked.
 */
export function isInDanger(node: Node, map: DiskMapView, profile: Profile): boolean {
  if (profile === 'C' || profile === 'none' || !isFlagged(node)) return false
  for (const { disk } of map.pendingOnNode(node.metadata.name))
    if (profile === 'A' || isEvicting(node, disk)) return true
  return false
}
