import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { objectOf } from '../disk-map/object-of.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import { isOlder } from '../longhorn/resource-version.ts'
import type { Reservation } from './reservation.ts'

/**
 * True once the disk map shows what became of the change: a version newer than the one that was reviewed. Either that
 * was the write, and every later quorum read shows it, or the write can no longer be committed. An object that the
 * map lacks may be one that it has not heard of yet, so that tells nothing.
 */
export function isSettled(reservation: Reservation, map: DiskMapView): boolean {
  return settledIn(reservation, map) !== undefined
}

/** The version that shows so; undefined while there is none. */
export function settledIn(reservation: Reservation, map: DiskMapView): string | undefined {
  if (reservation.pinned === true) return undefined
  const metadata = objectOf(map, reservation.kind, reservation.name)?.metadata
  return metadata && isOutcome(reservation, metadata) ? metadata.resourceVersion : undefined
}

/** True if this, read at any time, is newer than what was reviewed. */
export function isOutcome({ uid, resourceVersion }: Reservation, metadata: Metadata): boolean {
  if (resourceVersion === '') return metadata.uid === uid && uid !== ''
  return isOlder(resourceVersion, metadata.resourceVersion)
}
