import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { LonghornObject, ObjectOf } from '../longhorn/kinds.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import { diskUUID, isEvicting, isFlagged, type Node } from '../longhorn/node.ts'
import type { Ended, EndingKind, Unseen } from './disk-map-view.ts'

/** The changes that a new version of an object, or its deletion, ends. */
export interface Endings {
  readonly ended: readonly Ended[]
  /**
   * Why more may have come and gone on any disk than the versions show; undefined if they show everything.
   */
  readonly unseen: Unseen | undefined
}

/**
 * Compares two versions of an object, or its last version with its absence.
 *
 * @param at milliseconds by the monotonic clock
 */
export function endingsOf(
  kind: EndingKind,
  before: LonghornObject | undefined,
  after: LonghornObject | undefined,
  at: number,
): Endings {
  switch (kind) {
    case 'Node':
      return endingsOfNode(ofKind(kind, before), ofKind(kind, after), at)
    case 'BackingImage':
      return endingsOfImage(ofKind(kind, before), ofKind(kind, after), at)
    case 'BackingImageDataSource':
      return endingsOfDataSource(ofKind(kind, before), ofKind(kind, after), at)
  }
}

function ofKind<K extends EndingKind>(kind: K, object: LonghornObject | undefined): ObjectOf<K> | undefined {
  return object !== undefined && isKind(object, kind) ? object : undefined
}

function isKind<K extends EndingKind>(object: LonghornObject, kind: K): object is ObjectOf<K> {
  return object.kind === kind
}

function endingsOfNode(before: Node | undefined, after: Node | undefined, at: number): Endings {
  const ended: Ended[] = []
  const missed = missedBetween(before, after)
  if (!before || !isFlagged(before)) return { ended, unseen: missed }
  const unknown: string[] = []
  const node = before.metadata.name
  const heir = isHeir(before, after) ? after : undefined
  const stillFlagged = heir !== undefined && isFlagged(heir)
  for (const disk of before.spec.disks.keys()) {
    const wasEvicting = isEvicting(before, disk)
    const uuids = uuidsOf(disk, before, heir)
    // The map then learns later, or never, which disk Longhorn still takes for an evicted one.
    if (uuids.length === 0) {
      const stays = stillFlagged && heir.spec.disks.has(disk)
      if (!stays || (wasEvicting && !isEvicting(heir, disk))) unknown.push(disk)
    }
    for (const uuid of uuids) {
      const stays = heir !== undefined && diskUUID(heir, disk) === uuid
      const evicting = wasEvicting && !(stays && isEvicting(heir, disk))
      if (evicting || !stays || !stillFlagged) {
        ended.push({ what: 'eviction', node, disk, diskUUID: uuid, evicting, at })
      }
    }
  }
  const unseen = missed ?? (unknown.length > 0 ? { why: 'no UUID', disks: unknown } : undefined)
  return { ended, unseen }
}

function endingsOfImage(
  before: BackingImage | undefined,
  after: BackingImage | undefined,
  at: number,
): Endings {
  const ended: Ended[] = []
  const unseen = missedBetween(before, after)
  if (!before) return { ended, unseen }
  const heir = isHeir(before, after) ? after : undefined
  const image = before.metadata.name
  for (const uuid of disksOf(before, heir)) {
    if (mayHaveEnded(listing(before, uuid), heir && listing(heir, uuid))) {
      ended.push({ what: 'clean-up', image, diskUUID: uuid, at })
    }
  }
  return { ended, unseen }
}

function endingsOfDataSource(
  before: BackingImageDataSource | undefined,
  after: BackingImageDataSource | undefined,
  at: number,
): Endings {
  const unseen = missedBetween(before, after)
  const uuid = before?.spec.diskUUID
  if (!before || before.spec.fileTransferred || uuid === undefined) return { ended: [], unseen }
  const heir = isHeir(before, after) ? after : undefined
  if (heir && !heir.spec.fileTransferred && heir.spec.diskUUID === uuid) return { ended: [], unseen }
  return { ended: [{ what: 'first file', image: before.metadata.name, diskUUID: uuid, at }], unseen }
}

/** Returned if more changes of spec lie between the two than the map saw. */
function missedBetween(
  before: WithMetadata | undefined,
  after: WithMetadata | undefined,
): Unseen | undefined {
  return hasGap(before, after) ? { why: 'missed' } : undefined
}

/** True if the versions are more than one change of spec apart. */
function hasGap(before: WithMetadata | undefined, after: WithMetadata | undefined): boolean {
  if (!after) return false
  const { generation } = after.metadata
  if (!before) return generation > 1
  if (!isHeir(before, after)) return true
  // Generations shrink if etcd was restored from a backup.
  return generation > before.metadata.generation + 1 || generation < before.metadata.generation
}

interface WithMetadata {
  readonly metadata: Metadata
}

/** True if both are versions of one object, not of two successive objects with one name. */
function isHeir(before: WithMetadata, after: WithMetadata | undefined): boolean {
  return before.metadata.uid === after?.metadata.uid
}

/**
 * The UUIDs of the disk in both versions. Longhorn may have found the UUID of a disk whose flag goes down in
 * between.
 */
function uuidsOf(disk: string, before: Node, after: Node | undefined): string[] {
  const uuids = [before, after].flatMap((node) => node?.status.diskStatus.get(disk)?.diskUUID ?? [])
  return [...new Set(uuids)]
}

function disksOf(before: BackingImage, after: BackingImage | undefined): Set<string> {
  return new Set(
    [before, after].flatMap((image) =>
      image ? [...image.spec.diskFileSpecMap.keys(), ...image.status.diskFileStatusMap.keys()] : [],
    ),
  )
}

/** Which of spec and status list a disk. */
interface Listing {
  readonly spec: boolean
  readonly status: boolean
}

function listing({ spec, status }: BackingImage, uuid: string): Listing {
  return { spec: spec.diskFileSpecMap.has(uuid), status: status.diskFileStatusMap.has(uuid) }
}

/**
 * True if a clean-up was pending on the disk before, or may have been between the two versions, and is not
 * now. The generation does not count changes of status. A copy that left spec may have been made and deleted
 * meanwhile. A copy that is new in both may have come in status first, as first files do (o5).
 */
function mayHaveEnded(before: Listing, after: Listing | undefined): boolean {
  if (!after) return before.status && !before.spec
  if (after.status && !after.spec) return false
  if (before.status && !before.spec) return true
  if (before.spec) return !after.spec
  return after.spec && after.status
}
