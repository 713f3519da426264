import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { copiesOf, type Copy } from '../longhorn/copies.ts'
import type { Cleanup } from './acts.ts'
import type { Subject } from './finding.ts'

/** The copies of an image, parted by what a clean-up does to them. */
export interface CleanupOutcome {
  readonly removed: readonly Copy[]
  readonly kept: readonly Copy[]
}

/** Parts the copies by the old spec and the stored status: what there is before the write. */
export function outcomeOf({ before, after, disks }: Cleanup): CleanupOutcome {
  const copies = copiesOf({ ...before, status: after.status })
  return {
    removed: copies.filter(({ diskUUID }) => disks.has(diskUUID)),
    kept: copies.filter(({ diskUUID, phase }) => !disks.has(diskUUID) && phase !== 'pending cleanup'),
  }
}

/** A copy with the node and disk that it is on, as far as they are known. */
export function subjectOf({ image, diskUUID }: Copy, map: DiskMapView): Subject {
  const [owner] = map.ownersOf(diskUUID)
  return { ...owner, diskUUID, image }
}
