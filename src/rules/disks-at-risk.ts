import type { DiskMapView, DiskOwner, Ended, PendingCleanup } from '../disk-map/disk-map-view.ts'
import { diskUUID, isEvicting, isFlagged, type Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import type { Eviction } from './change.ts'
import type { Circumstances } from './rule.ts'
import { perhapsTheDisk, theDisk } from './sentences.ts'
import { type Unnoticed, unnoticedOn } from './unnoticed.ts'

/** A disk that an eviction makes dangerous to have a pending clean-up on. */
export interface DiskAtRisk {
  readonly node: string
  readonly disk: string
  /** Undefined until the node controller has synced the disk. */
  readonly uuid: string | undefined
}

/**
 * The disks on which a pending clean-up meets this eviction: on profile A every disk once the first flag goes up,
 * and later the disks that join; on all profiles the disks that are evicted from now on (longhorn.md §2). Of those with
 * one UUID, and of those without, the first stands for all: the same is found on each.
 */
export function disksAtRisk(
  { node, raisesGate, evicting, joining }: Eviction,
  { profile }: Circumstances,
): DiskAtRisk[] {
  const whole = profile === 'A' && raisesGate
  const names = profile === 'A' ? [...evicting, ...joining] : evicting
  const byUUID = new Map<string | undefined, DiskAtRisk>()
  for (const disk of whole ? node.spec.disks.keys() : names) {
    const uuid = diskUUID(node, disk)
    if (!byUUID.has(uuid)) byUUID.set(uuid, { node: node.metadata.name, disk, uuid })
  }
  return [...byUUID.values()]
}

/**
 * The clean-ups pending on a disk. One whose UUID is not known yet may be any disk that no node has at work, a disk
 * being moved for example; where a manager can crash, that has to be assumed.
 */
export function pendingOnDisk(
  { uuid }: DiskAtRisk,
  { map, profile }: Circumstances,
): Iterable<PendingCleanup> {
  if (uuid !== undefined) return map.pendingOn(uuid)
  return profile === 'A' || profile === 'B' ? map.pendingOnUnownedDisks() : []
}

/** The first files that are being made on a disk. One whose UUID is not known yet may be any here too. */
export function* firstFilesOnDisk(
  { uuid }: DiskAtRisk,
  { map, profile }: Circumstances,
): Iterable<{ readonly image: string; readonly diskUUID: string }> {
  if (uuid === undefined && profile !== 'A' && profile !== 'B') return
  for (const { metadata, spec } of uuid === undefined
    ? map.dataSources()
    : map.unfinishedFirstFilesOn(uuid)) {
    const { diskUUID, fileTransferred } = spec
    if (diskUUID === undefined || fileTransferred) continue
    if (diskUUID === uuid || !map.isAtWork(diskUUID)) yield { image: metadata.name, diskUUID }
  }
}

/** What of this kind such a disk had that is over, where Longhorn may not have noticed. */
export function* endedOnDisk<W extends 'clean-up' | 'first file'>(
  what: W,
  { uuid }: DiskAtRisk,
  circumstances: Circumstances,
): Iterable<Unnoticed<Extract<Ended, { what: W }>>> {
  if (uuid !== undefined) {
    yield* unnoticedOn(what, uuid, circumstances)
    return
  }
  const { map } = circumstances
  const uuids = new Set<string>()
  for (const { diskUUID } of map.history.ended()) uuids.add(diskUUID)
  for (const each of uuids) {
    if (!map.isAtWork(each)) yield* unnoticedOn(what, each, circumstances)
  }
}

/** The disk of what is on it, in a sentence whose node is named already. @param diskUUID of what is on it */
export function whereOf({ uuid, disk }: DiskAtRisk, diskUUID: string, { map }: Circumstances): string {
  return uuid === undefined ? theDisk(diskUUID, map.ownersOf(diskUUID)[0]) : disk
}

/** Why what is on another disk counts for one whose UUID is not known yet, before another sentence; nothing for others. */
export function whyPerhaps(risk: DiskAtRisk, diskUUID: string, circumstances: Circumstances): string {
  return risk.uuid === undefined ? `${perhapsTheDisk(diskUUID, risk, circumstances)} ` : ''
}

/** A node whose manager would meet what is done to a disk, and the disk there. */
interface Endangered {
  readonly owner: DiskOwner
  /** Why it may be that disk, as a sentence and a space; empty where it is known to be. */
  readonly perhaps: string
}

/**
 * Tells of the UUID of a disk which managers would meet a clean-up or a first file on it, since an eviction is requested there.
 * Made once for an act.
 */
export function endangeredBy(circumstances: Circumstances): (uuid: string) => Iterable<Endangered> {
  const { map } = circumstances
  let unsynced: readonly DiskOwner[] | undefined
  return function* (uuid) {
    for (const owner of map.ownersOf(uuid)) {
      const node = map.node(owner.node)
      if (node && meets(node, owner.disk, circumstances)) yield { owner, perhaps: '' }
    }
    if (map.isAtWork(uuid)) return
    for (const owner of (unsynced ??= firstUnsynced(circumstances)))
      yield { owner, perhaps: `${perhapsTheDisk(uuid, owner, circumstances)} ` }
  }
}

/**
 * A disk that no node has at work may be one that its new node has not synced yet. Of all that it may be, the first stands in
 * the way for as long as its flag is up, so that one is told of each copy.
 */
function firstUnsynced(circumstances: Circumstances): DiskOwner[] {
  if (circumstances.profile === 'C') return []
  for (const node of circumstances.map.nodesWithUnsyncedDisks()) {
    for (const disk of node.spec.disks.keys()) {
      if (diskUUID(node, disk) === undefined && meets(node, disk, circumstances))
        return [{ node: node.metadata.name, disk }]
    }
  }
  return []
}

/** Profile A looks at all disks of a flagged node, B and C at the evicting ones (longhorn.md §2). */
function meets(node: Node, disk: string, { profile }: Circumstances): boolean {
  return profile === 'A' ? isFlagged(node) : isEvicting(node, disk)
}

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

/** One UUID that several nodes show at the same time. */
interface SharedDisk {
  readonly diskUUID: string
  /** On at least two nodes. */
  readonly owners: readonly DiskOwner[]
}

/**
 * The disks whose UUID several nodes show: machines that were cloned with their disks, or for a moment a disk that moves.
 * To Longhorn they are one disk, and a copy on it is on one of them only.
 */
export function* sharedDisks(map: DiskMapView): Iterable<SharedDisk> {
  const seen = new Set<string>()
  for (const node of map.nodes()) {
    for (const disk of node.spec.disks.keys()) {
      const uuid = diskUUID(node, disk)
      if (uuid === undefined || seen.has(uuid)) continue
      seen.add(uuid)
      const owners = map.ownersOf(uuid)
      if (new Set(owners.map((owner) => owner.node)).size > 1) yield { diskUUID: uuid, owners }
    }
  }
}
