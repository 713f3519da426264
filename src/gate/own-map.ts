import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, isReady } from '../longhorn/copies.ts'
import { isOlder, type Metadata } from '../longhorn/metadata.ts'
import { diskUUID } from '../longhorn/node.ts'
import { type Act, type Change, type DiskRemoval, type JudgedKind, nameOf } from '../rules/change.ts'
import { evictedCopies, outcomeOf } from '../rules/copies-left.ts'
import type { Policy } from '../rules/policy.ts'
import { type Clock, comesTrue } from '../time/clock.ts'
import { countedOn } from './claims.ts'
import type { ChangeBus } from './change-bus.ts'
import type { MapFreshness, QuorumReads } from './ports.ts'
import {
  catchUpMs,
  keepsMarks,
  markedKinds,
  type Marks,
  newest,
  type ReservationBook,
  type ReservedEntry,
} from './reservation-book.ts'
import { isResolved } from './reservation.ts'

/** The inputs of the question whether the disk map is fresh enough. */
interface OwnMapModules {
  readonly map: DiskMapView
  readonly freshness: MapFreshness
  readonly book: ReservationBook
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly changes: ChangeBus
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>
}

/**
 * How much older the last data of a watch may be than its arrival, in milliseconds: the API server's own
 * cache lags.
 */
const lagMs = 10_000

/** The maximum of images that are read one by one; for more of them one list is cheaper. */
const maxReads = 20

/**
 * True if the disk map shows all settled changes of the entries that an eviction has reserved, so the eviction
 * can be judged on it. A replica that removes a reservation from an entry leaves a mark with the version to
 * see. It waits shortly for a watch that is behind. If it is false, the caller lists stored objects.
 */
export async function ownMapWillDo(
  acts: readonly Act[],
  entries: readonly ReservedEntry[],
  modules: OwnMapModules,
  signal: AbortSignal,
): Promise<boolean> {
  const { freshness, changes, clock } = modules
  if (entries.length === 0 || !acts.every(({ act }) => act === 'eviction')) return false
  const known = entries.flatMap(({ entry }) => entry.marks ?? [])
  if (known.length < entries.length) return false
  const marks = newest(known)
  // The state of copies changes without any reservation.
  const isFresh = freshness.ageMs('BackingImage') <= freshMs
  const present = isFresh ? {} : await versionsOfImages(acts, modules, signal)
  if (!present) return false
  const needed = newest([marks, present])
  const isSeen = () => progress(entries, needed, modules)
  await comesTrue(() => isSeen() !== 'behind', changes, { clock, limitMs: catchUpMs, signal })
  return isSeen() === 'will do'
}

/**
 * True if the disk map shows all settled evictions on the entries of this change. Two nodes can have one disk,
 * a copied one for example; a map that lacks one of them lacks its flag too.
 */
export function nodesWillDo(
  entries: readonly ReservedEntry[],
  { freshness }: Pick<OwnMapModules, 'freshness'>,
): boolean {
  return entries.every(
    ({ entry: { key, marks } }) =>
      !keepsMarks(key) || (marks !== undefined && hasSeen(freshness.seenUpTo('Node'), marks.Node)),
  )
}

function progress(
  entries: readonly ReservedEntry[],
  needed: Marks,
  { freshness, book, clock }: OwnMapModules,
): 'will do' | 'will not do' | 'behind' {
  const now = clock.monotonic()
  const provenAt = Math.min(...markedKinds.map((kind) => now - freshness.ageMs(kind)))
  for (const { known } of entries) {
    const since = book.markedSince(known)
    if (since === undefined) return 'behind'
    // Reservations that left the entry before that without a mark were committed before, so a younger map has
    // their results.
    if (provenAt < since + lagMs) return 'will not do'
  }
  return markedKinds.every((kind) => hasSeen(freshness.seenUpTo(kind), needed[kind])) ? 'will do' : 'behind'
}

function hasSeen(seen: string | undefined, needed: string | undefined): boolean {
  return needed === undefined || (seen !== undefined && (seen === needed || isOlder(needed, seen)))
}

/**
 * The current versions of the images with a copy on the evicted disks; undefined if there are too many to
 * read, or one cannot be read.
 */
async function versionsOfImages(
  acts: readonly Act[],
  { map, reads }: OwnMapModules,
  signal: AbortSignal,
): Promise<Marks | undefined> {
  const names = new Set<string>()
  for (const act of acts) {
    if (act.act === 'eviction')
      for (const { image } of evictedCopies(act, map)) names.add(image.metadata.name)
  }
  if (names.size > maxReads) return undefined
  try {
    const read = await Promise.all([...names].map((name) => reads.metadata('BackingImage', name, signal)))
    return newest(read.map((metadata) => (metadata ? { BackingImage: metadata.resourceVersion } : {})))
  } catch {
    // The list that follows reports the error, if it lasts.
    return undefined
  }
}

/** A watch that was silent for longer may be broken, and its objects may have changed, in milliseconds. */
const freshMs = 10_000

/**
 * The data that the rules need and no reservation protects, if the disk map is too old for it.
 */
export interface Stale {
  /** The names of nodes to read; `all` if every node counts. */
  readonly nodes: ReadonlySet<string> | 'all'
  /** True if the data source of the image is to be read. */
  readonly source: boolean
  /** True if all images count, and the disk map is too old for that. */
  readonly images: boolean
}

/**
 * The data for judging these acts that is older than {@link freshMs}, and so has to be read before their
 * admission.
 */
export function staleFor(
  acts: readonly Act[],
  { map, freshness }: { readonly map: DiskMapView; readonly freshness: Pick<MapFreshness, 'ageMs'> },
  { modes, evictionBudget }: Pick<Policy, 'modes' | 'evictionBudget'>,
): Stale {
  const isOld = (kind: Parameters<MapFreshness['ageMs']>[0]): boolean => freshness.ageMs(kind) > freshMs
  const begins = acts.some((act) => act.act === 'eviction' && act.raisesFirstFlag)
  const { flaggedNodes, pendingCleanups } = evictionBudget
  const isBudgeted = begins && modes['eviction-budget'] === 'enforce'
  const needsAll = isBudgeted && flaggedNodes !== undefined
  const nodes = new Set(acts.flatMap((act) => [...lookedAt(act, map)]))
  return {
    nodes: isOld('Node') ? (needsAll ? 'all' : nodes) : new Set(),
    source: acts.some(({ act }) => act === 'cleanup') && isOld('BackingImageDataSource'),
    images: isBudgeted && pendingCleanups !== undefined && isOld('BackingImage'),
  }
}

/** True if the disk map is fresh enough for all data of its acts. */
export function isFreshEnough({ nodes, source, images }: Stale): boolean {
  return !source && !images && nodes !== 'all' && nodes.size === 0
}

/** The nodes that a rule asks about an act, and that no other side of a reservation would have reported. */
function* lookedAt(act: Act, map: DiskMapView): Iterable<string> {
  switch (act.act) {
    case 'disk-removal':
      // A disk that another node has is being moved, not removed. A lost one may go if others have its
      // copies.
      for (const uuid of disksOf(act)) yield* owners(uuid, map)
      for (const uuid of readyBeside(act, map)) yield* owners(uuid, map)
      return
    case 'cleanup': {
      // A copy counts as long as a node has its disk.
      for (const copy of outcomeOf(act).kept) yield* owners(copy.diskUUID, map)
      return
    }
    case 'eviction':
      // For a copy that is counted on, a node must still have its disk.
      for (const uuid of countedOn(act, map)) yield* owners(uuid, map)
      return
    case 'placement':
    case 'flags-cleared':
      return
  }
}

function disksOf({ before, disks }: DiskRemoval): Set<string> {
  return new Set(disks.flatMap((disk) => diskUUID(before, disk) ?? []))
}

/**
 * The disks with a ready copy of these disks' images. Each once: a node can have thousands, and an image as
 * many copies.
 */
function readyBeside(act: DiskRemoval, map: DiskMapView): Set<string> {
  const images = new Set<BackingImage>()
  for (const uuid of disksOf(act)) for (const image of map.imagesOn(uuid)) images.add(image)
  const uuids = new Set<string>()
  for (const image of images) for (const copy of copiesOf(image)) if (isReady(copy)) uuids.add(copy.diskUUID)
  return uuids
}

function owners(uuid: string, map: DiskMapView): string[] {
  return map.ownersOf(uuid).map(({ node }) => node)
}

/** The inputs of the question whether an object is known. */
interface KnownObjectModules {
  readonly map: DiskMapView
  readonly reads: Pick<QuorumReads, 'metadata'>
  readonly book: Pick<ReservationBook, 'entries'>
  /** How many other creations are on their way to a reservation. */
  readonly creating: number
}

/**
 * The maximum of objects of a kind in creation that have reservations, or are on their way to one; the next
 * create gets 503. Little stored data proves such a review, and Longhorn creates few at a time.
 */
export const mostCreations = 32

/**
 * True if the API server has the object of a change, by its uid, in the reviewed version or a newer one. A
 * review can be forged, since every pod may reach the webhook: without this it could reserve anything, and
 * block it. The disk map answers for the versions that it knows; for a newer one the object is read once.
 * Proxies have read it themselves.
 *
 * @throws if it cannot be read, or the signal's reason
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
  if (isStored(metadata, map.object(change.kind, nameOf(change))?.metadata)) return true
  return isStored(metadata, await reads.metadata(change.kind, nameOf(change), signal))
}

/**
 * True for a creation in a review: no stored object proves that an API server asks. So it must not take a
 * place among waiting requests.
 */
export function isUnproved({ operation, request }: Change): boolean {
  return operation === 'CREATE' && request.door === 'webhook'
}

/**
 * An existing name cannot be created: a forged review of it would block the real object. A data source
 * belongs to a stored image, and has its name.
 */
async function canBeCreated(
  kind: JudgedKind,
  metadata: Metadata,
  { map, reads, book, creating }: KnownObjectModules,
  signal: AbortSignal,
): Promise<boolean> {
  const { name } = metadata
  if (map.object(kind, name) !== undefined) return false
  if (!hasRoomForCreation(kind, metadata, { map, book, creating })) return false
  if (kind !== 'BackingImageDataSource' || map.image(name) !== undefined) return true
  return (await reads.metadata('BackingImage', name, signal)) !== undefined
}

/** True if the second is the first, or a later version of it. */
function isStored({ uid, resourceVersion }: Metadata, stored: Metadata | undefined): boolean {
  if (stored?.uid !== uid) return false
  return stored.resourceVersion === resourceVersion || isOlder(resourceVersion, stored.resourceVersion)
}

/** The same object again replaces its reservation. A retry has another uid, and an additional reservation. */
function hasRoomForCreation(
  kind: JudgedKind,
  { name, uid }: Metadata,
  { map, book, creating }: Pick<KnownObjectModules, 'map' | 'book' | 'creating'>,
): boolean {
  const objects = new Set<string>()
  for (const { reservations } of book.entries()) {
    for (const each of reservations)
      if (each.kind === kind && each.resourceVersion === '' && !isResolved(each, map))
        objects.add(`${each.name}/${each.uid}`)
  }
  return objects.size + creating < mostCreations || objects.has(`${name}/${uid}`)
}
