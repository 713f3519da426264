import {
  type DiskMapView,
  type DiskOwner,
  type Ended,
  type EndingKind,
  endingKinds,
  type PendingCleanup,
  type PendingOnNode,
  type UnseenChanges,
} from '../disk-map/disk-map-view.ts'
import { diskUUID, isEvicting, isFlagged, type Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import type { Eviction } from './change.ts'
import type { Policy } from './policy.ts'
import type { Circumstances, Unnoticed } from './rule.ts'
import { perhapsTheDisk, theDisk } from './sentences.ts'

/** A disk on which a pending clean-up is dangerous for an eviction. */
export interface DiskAtRisk {
  readonly node: string
  readonly disk: string
  /** Undefined until the node controller has synced the disk. */
  readonly uuid: string | undefined
}

/**
 * The disks on which a pending clean-up meets this eviction. On profile A these are all disks once the first
 * flag goes up, and later the disks that join. On all profiles they include the disks that are evicted from
 * now on (longhorn.md §2). Of disks with one UUID, and of disks without, only the first counts: the findings
 * are equal.
 */
export function disksAtRisk(
  { node, raisesFirstFlag, evicting, joining }: Eviction,
  { profile }: Circumstances,
): DiskAtRisk[] {
  const whole = profile === 'A' && raisesFirstFlag
  const names = profile === 'A' ? [...evicting, ...joining] : evicting
  const byUUID = new Map<string | undefined, DiskAtRisk>()
  for (const disk of whole ? node.spec.disks.keys() : names) {
    const uuid = diskUUID(node, disk)
    if (!byUUID.has(uuid)) byUUID.set(uuid, { node: node.metadata.name, disk, uuid })
  }
  return [...byUUID.values()]
}

/**
 * The clean-ups pending on a disk. One of unknown UUID may be any disk that works on no node, for example one
 * that is being moved. If a manager can crash, it counts as such.
 */
export function pendingOnDisk(
  { uuid }: DiskAtRisk,
  { map, profile }: Circumstances,
): Iterable<PendingCleanup> {
  if (uuid !== undefined) return map.pendingOn(uuid)
  return profile === 'A' || profile === 'B' ? map.pendingOnUnownedDisks() : []
}

/** The first files in progress on a disk. One of unknown UUID may be any here too. */
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

/** The ended changes of this kind on such a disk that Longhorn may not have noticed. */
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

/** The disk in a sentence that already names the node. @param diskUUID of the copy or file */
export function whereOf({ uuid, disk }: DiskAtRisk, diskUUID: string, { map }: Circumstances): string {
  return uuid === undefined ? theDisk(diskUUID, map.ownersOf(diskUUID)[0]) : disk
}

/** Why changes on another disk count for one of unknown UUID, before another sentence; empty for others. */
export function whyPerhaps(risk: DiskAtRisk, diskUUID: string, circumstances: Circumstances): string {
  return risk.uuid === undefined ? `${perhapsTheDisk(diskUUID, risk, circumstances)} ` : ''
}

/** A node whose manager would meet a change on a disk, and the disk there. */
interface Endangered {
  readonly owner: DiskOwner
  /** Why it may be that disk, as a sentence and a space; empty if it is certain. */
  readonly perhaps: string
}

/**
 * Finds by the UUID of a disk the managers that would crash by a clean-up or a first file on it, since an
 * eviction is requested there. Made once for an act.
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
 * A disk that works on no node may be one that its new node has not synced yet. Only the first such disk
 * counts as long as its flag is set, so each copy gets one finding.
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
 * The clean-ups of a node that crash its manager, at the latest at its next sync, since a flag is set there
 * (longhorn.md §2). That happens despite the guard only if Longhorn itself writes status before spec, or if
 * the guard was not asked.
 */
export function* cleanupsInDanger(node: Node, map: DiskMapView, profile: Profile): Iterable<PendingOnNode> {
  if (profile === 'C' || profile === 'none' || !isFlagged(node)) return
  for (const cleanup of map.pendingOnNode(node.metadata.name))
    if (profile === 'A' || isEvicting(node, cleanup.disk)) yield cleanup
}

/** True if a pending clean-up and a flag on a node crash its manager. */
export function isInDanger(node: Node, map: DiskMapView, profile: Profile): boolean {
  for (const _ of cleanupsInDanger(node, map, profile)) return true
  return false
}

/** One UUID that several nodes show at the same time. */
interface SharedDisk {
  readonly diskUUID: string
  /** On at least two nodes. */
  readonly owners: readonly DiskOwner[]
}

/**
 * The disks whose UUID several nodes show: cloned machines, or for a moment a disk that moves. For Longhorn
 * they are one disk, and a copy on it is on only one of them.
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

/** The inputs of whether an ended change still counts. */
export type NoticeCircumstances = Pick<Circumstances, 'map' | 'policy' | 'profile' | 'now'>

/** The ended changes on a disk that still count, if they can crash a manager. */
export function* unnoticedOn<W extends Ended['what']>(
  what: W,
  diskUUID: string,
  circumstances: NoticeCircumstances,
): Iterable<Unnoticed<Extract<Ended, { what: W }>>> {
  for (const over of circumstances.map.history.endedOn(diskUUID)) {
    if (!isAbout(over, what)) continue
    const until = unnoticedUntil(over.at, circumstances)
    if (until !== undefined) yield { over, until }
  }
}

/** Changes that came and went unseen by the guard and still count, if they can crash a manager. */
export function* unseenOf(
  kind: EndingKind,
  circumstances: NoticeCircumstances,
): Iterable<Unnoticed<UnseenChanges>> {
  const over = circumstances.map.history.unseen(kind)
  const until = over && unnoticedUntil(over.at, circumstances)
  if (over && until !== undefined) yield { over, until }
}

/**
 * Until when an ended change still counts, since a manager of Longhorn may not have noticed: its caches lag,
 * and a sync goes on with the node that it began with. Undefined once it has, or if nothing crashes.
 *
 * @param at when it ended at the latest, in milliseconds by the monotonic clock
 */
function unnoticedUntil(at: number, { map, policy, profile, now }: NoticeCircumstances): number | undefined {
  const { settleMs, settleAfterOutageMs } = policy
  if (settleMs === 0 || profile === 'C' || profile === 'none') return undefined
  const { outage } = map.history
  // A change that ended shortly before an outage may not have reached every manager before it.
  const isCutOff = outage !== undefined && at > outage.began - settleMs
  const untilReconnected = isCutOff ? (outage.ended ?? now) + settleAfterOutageMs : 0
  const until = Math.max(at + settleMs, untilReconnected)
  return until > now ? until : undefined
}

/**
 * Until when an ended change still counts on a node, so that an eviction or a clean-up waits; undefined
 * without one.
 */
export function settlesAt(node: Node, circumstances: NoticeCircumstances): number | undefined {
  let last = 0
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined) continue
    for (const over of circumstances.map.history.endedOn(uuid)) {
      if (over.what === 'eviction' && circumstances.profile !== 'A' && !over.evicting) continue
      last = Math.max(last, unnoticedUntil(over.at, circumstances) ?? 0)
    }
  }
  for (const kind of endingKinds)
    for (const { until } of unseenOf(kind, circumstances)) last = Math.max(last, until)
  return last > 0 ? last : undefined
}

/** The longest delay until an outage is noticed: the next byte does not come, and then the list shows it. */
const noticeMs = 2 * 60_000

/** How long an ended change still counts, in milliseconds. */
export type NoticeTimes = Pick<Policy, 'settleMs' | 'settleAfterOutageMs'>

/** How long a disk map has to remember ended changes, in milliseconds. */
export function rememberMs({ settleMs, settleAfterOutageMs }: NoticeTimes): number {
  return settleMs + settleAfterOutageMs + noticeMs
}

function isAbout<W extends Ended['what']>(over: Ended, what: W): over is Extract<Ended, { what: W }> {
  return over.what === what
}
