import { type DiskMapView, objectOf } from '../disk-map/disk-map-view.ts'
import { isOlder, type Metadata } from '../longhorn/metadata.ts'
import { type Change, type JudgedKind, nameOf } from '../rules/change.ts'
import type { QuorumReads } from './ports.ts'
import type { ReservationBook } from './reservation-book.ts'
import { isSettled } from './reservation.ts'

/** What is asked whether an object is known. */
interface KnownObjectModules {
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly book: Pick<ReservationBook, 'pages'>
  /** How many creations, but for this one, are on their way to a reservation. */
  readonly creating: number
}

/**
 * So many objects of a kind that are still to be created have reservations at once, or are on their way to one; the next
 * create gets 503. Little that is stored proves such a review, and Longhorn creates few at a time.
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
  modules: KnownObjectModules,
  signal: AbortSignal,
): Promise<boolean> {
  if (change.request.door !== 'webhook') return true
  if (change.operation === 'CREATE')
    return await canBeCreated(change.kind, change.after.metadata, modules, signal)
  const { map, reads } = modules
  const { metadata } = change.before
  if (isStored(metadata, objectOf(map, change.kind, nameOf(change))?.metadata)) return true
  return isStored(metadata, await reads.metadata(change.kind, nameOf(change), signal))
}

/**
 * True for a creation that is reviewed: nothing that is stored proves that an API server asks. So it must not take a place
 * among those that wait.
 */
export function isUnproved({ operation, request }: Change): boolean {
  return operation === 'CREATE' && request.door === 'webhook'
}

/**
 * What the API server has under this name already cannot be created: a review that says so would hold up the real one. A
 * data source is made for an image that is stored, and has its name.
 */
async function canBeCreated(
  kind: JudgedKind,
  metadata: Metadata,
  { map, reads, book, creating }: KnownObjectModules,
  signal: AbortSignal,
): Promise<boolean> {
  const { name } = metadata
  if (objectOf(map, kind, name) !== undefined) return false
  if (!hasRoomForCreation(kind, metadata, { map, book, creating })) return false
  if (kind !== 'BackingImageDataSource' || map.image(name) !== undefined) return true
  return (await reads.metadata('BackingImage', name, signal)) !== undefined
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
  { map, book, creating }: Pick<KnownObjectModules, 'map' | 'book' | 'creating'>,
): boolean {
  const objects = new Set<string>()
  for (const { reservations } of book.pages()) {
    for (const each of reservations)
      if (each.kind === kind && each.resourceVersion === '' && !isSettled(each, map))
        objects.add(`${each.name}/${each.uid}`)
  }
  return objects.size + creating < mostCreations || objects.has(`${name}/${uid}`)
}
