import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { anyChange, objectChange, pageChange, type Changed } from './changes.ts'
import { unownedDisks } from './reservation-book.ts'
import type { Conflict } from './reserve.ts'
import type { Objection } from './verdict.ts'

/** The changes after which one of these objections may be gone; see {@link isAwaited} for how to compare. */
export function whatEnds(objections: readonly Objection[], map: DiskMapView): Set<Changed> {
  const changed = new Set<Changed>()
  for (const { rule, subjects } of objections) {
    // The other copies stay or go with the flags of whatever nodes have them.
    if (rule === 'evict-unready-copy') changed.add(anyChange('Node'))
    // One finding about most images names none of them.
    if (rule === 'eviction-during-cleanup' && subjects.every(({ image }) => image === undefined))
      changed.add(anyChange('BackingImage'))
    for (const { node, image, diskUUID } of subjects) {
      if (node !== undefined) changed.add(objectChange('Node', node))
      // The watch of nodes can be behind that of images: the node that shows the disk may be any.
      if (diskUUID !== undefined && map.ownersOf(diskUUID).length === 0) changed.add(anyChange('Node'))
      if (image === undefined) continue
      changed.add(objectChange('BackingImage', image))
      changed.add(objectChange('BackingImageDataSource', image))
    }
  }
  return changed
}

/** The changes after which a conflict may be gone. */
export function whatEndsConflict({ claim, reservation }: Conflict): Set<Changed> {
  const changed = new Set([pageChange(claim.page), objectChange(reservation.kind, reservation.name)])
  // Once a node shows the disk, the two no longer meet on this page.
  if (claim.page === unownedDisks) changed.add(anyChange('Node'))
  return changed
}
