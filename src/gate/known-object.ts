import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { objectOf } from '../disk-map/object-of.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import { isOlder } from '../longhorn/resource-version.ts'
import { nameOf, type Change, type JudgedKind } from '../rules/change.ts'
import type { QuorumReads } from './ports.ts'
import type { ReservationBook } from './reservation-book.ts'
import { isSettled } from './settled.ts'

/** What is asked whether an object is known. */
export interface KnownObjectModules {
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly book: Pick<ReservationBook, 'pages'>
}

/**
 * So many objects that are still to be created have reservations at once; the next create gets 503. Nothing that is
 * stored proves such a review, and Longhorn creates few at a time.
 */
export const mostCreations = 32

/**
 * True if the API server has the object of a change, by its uid, in the version that was reviewed or a newer one. A
 * review can be forged, since every pod may reach the webhook: without this it could reserve, and hold up, anything. The
 * disk map answers for what it knows; for anything newer the object is read once. Proxies have read it themselves.
 *
 * @throws when it cannot be read, or the signal's reason
 */
export async function isKnownObject(
  change: Change,
  { map, reads, book }: KnownObjectModules,
  signal: AbortSignal,
): Promise<boolean> {
  if (change.request.door !== 'webhook') return true
  if (change.operation === 'CREATE')
    return hasRoomForCreation(change.kind, change.after.metadata, { map, book })
  const { metadata } = change.before
  if (isStored(metadata, objectOf(map, change.kind, nameOf(change))?.metadata)) return true
  return isStored(metadata, await reads.metadata(change.kind, nameOf(change), signal))
}

/** True if the second is the first, or what became of it. */
function isStored({ uid, resourceVersion }: Metadata, stored: Metadata | undefined): boolean {
  if (stored?.uid !== uid) return false
  return stored.resourceVersion === resourceVersion || isOlder(resourceVersion, stored.resourceVersion)
}

/** The same object again takes the place of its reservation. A retry has another uid, and a reservation besides. */
function hasRoomForCreation(
  kind: JudgedKind,
  { name, uid }: Metadata,
  { map, book }: Pick<KnownObjectModules, 'map' | 'book'>,
): boolean {
  const objects = new Set<string>()
  for (const { reservations } of book.pages()) {
    for (const each of reservations)
      if (each.resourceVersion === '' && !isSettled(each, map))
        objects.add(`${each.kind}/${each.name}/${each.uid}`)
  }
  return objects.size < mostCreations || objects.has(`${kind}/${name}/${uid}`)
}
