import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, copyOn, isReady } from '../longhorn/copies.ts'
import { diskUUID, isAtWork } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import {
  type Act,
  type Change,
  type Cleanup,
  type DiskRemoval,
  type Eviction,
  nameOf,
  type Request,
} from '../rules/change.ts'
import { evictedAfter, evictedCopies, isUsable, isWorthless, outcomeOf } from '../rules/copies-left.ts'
import { unownedDisks, writesOf } from './reservation-book.ts'
import { covers, type Disks, type Intent, union } from './reservation.ts'

/** A reservation that a change needs on one entry before it may be admitted. */
export interface Claim {
  /** The key of an entry of the book. */
  readonly entry: string
  readonly intent: Intent
  readonly disks: Disks
  /**
   * True if the entry is only checked, after all reservations: its reservations can conflict, and none is
   * added.
   */
  readonly looks?: true
}

/**
 * The claims of these acts, one for each entry and intent, in the order in which entries are to be taken. Before
 * 1.7 Longhorn evicts no backing images, so nothing conflicts. On profile C nothing crashes, so only copies
 * that are counted on are claimed.
 */
export function claimsOf(acts: readonly Act[], map: DiskMapView, profile: Profile): Claim[] {
  if (profile === 'none') return []
  return merged(claimsOfActs(acts, map, profile))
}

/** Those of the wanted claims that the others do not cover: the reservations that are still missing. */
export function uncovered(wanted: readonly Claim[], claims: readonly Claim[]): Claim[] {
  const byKey = new Map<string, Claim[]>()
  for (const claim of claims) {
    const same = byKey.get(keyOf(claim))
    if (same) same.push(claim)
    else byKey.set(keyOf(claim), [claim])
  }
  return wanted.filter((want) => !byKey.get(keyOf(want))?.some(({ disks }) => covers(disks, want.disks)))
}

/** One claim for each entry and intent, with all their disks, in the order in which entries are to be taken. */
export function merged(claims: Iterable<Claim>): Claim[] {
  const byKey = new Map<string, [Claim, ...Claim[]]>()
  for (const claim of claims) {
    const same = byKey.get(keyOf(claim))
    if (same) same.push(claim)
    else byKey.set(keyOf(claim), [claim])
  }
  return [...byKey.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, same]) => ({ ...same[0], disks: union(same.map(({ disks }) => disks)) }))
}

/** The claims on each entry, in the order of the first on each. */
export function byEntry(claims: readonly Claim[]): Map<string, Claim[]> {
  const entries = new Map<string, Claim[]>()
  for (const claim of claims) {
    const onEntry = entries.get(claim.entry)
    if (onEntry) onEntry.push(claim)
    else entries.set(claim.entry, [claim])
  }
  return entries
}

function keyOf({ entry, intent, looks }: Claim): string {
  return `${entry} ${intent}${looks === true ? ' looks' : ''}`
}

function* claimsOfActs(acts: readonly Act[], map: DiskMapView, profile: 'A' | 'B' | 'C'): Iterable<Claim> {
  for (const act of acts) yield* claimsOfAct(act, { map, profile })
}

/** The inputs of an act's claims. */
interface Where {
  readonly map: DiskMapView
  readonly profile: 'A' | 'B' | 'C'
}

function* claimsOfAct(act: Act, where: Where): Iterable<Claim> {
  const { map, profile } = where
  switch (act.act) {
    case 'eviction':
      yield* evictionClaims(act, where)
      // If no copy is ready on an evicted disk, an eviction counts on other copies to stay.
      yield* onOwners(countedOn(act, map), 'keep', map)
      return
    case 'cleanup':
      if (profile !== 'C') yield* onOwners(act.disks, 'removal', map)
      yield* keepForCleanup(act, where)
      return
    case 'placement':
      if (profile !== 'C') yield* onOwners([act.diskUUID], 'placement', map)
      return
    case 'disk-removal':
      yield* removalClaims(act, where)
      return
    case 'flags-cleared':
      return
  }
}

/**
 * On profile A a flag concerns every disk of the node. The other side looks for the owner of a disk in stored
 * nodes. For a disk that joins it finds none, or another node that still has it, so both sides have to meet
 * there.
 */
function* evictionClaims({ node, evicting, joining }: Eviction, { map, profile }: Where): Iterable<Claim> {
  const { name } = node.metadata
  const disks = profile === 'A' ? [...node.spec.disks.keys()] : evicting
  const uuids = disks.map((disk) => diskUUID(node, disk))
  // A status can name one disk many times.
  const known = [...new Set(uuids.filter((uuid) => uuid !== undefined))]
  // An unsynced disk may be any that no node has, and so may one that joins, whose status may be old.
  const joins = new Set(joining)
  const mayBeAny = uuids.includes(undefined) || disks.some((disk) => joins.has(disk))
  // It may also be one that an earlier node of this name had.
  yield {
    entry: name,
    intent: 'eviction',
    disks: profile === 'A' || (profile === 'B' && mayBeAny) ? 'any' : known,
  }
  if (!mayBeAny && known.length > 0) yield lookAtUnowned(known)
  if (profile === 'C') return
  if (mayBeAny) {
    yield { entry: unownedDisks, intent: 'eviction', disks: 'any' }
    yield* lookAtDeadNodes(name, map)
  }
  for (const uuid of known) {
    const owners = map.ownersOf(uuid)
    if (owners.length === 0) yield { entry: unownedDisks, intent: 'eviction', disks: [uuid] }
    for (const owner of owners)
      if (owner.node !== name) yield { entry: owner.node, intent: 'eviction', disks: [uuid] }
  }
}

/**
 * A disk that is removed takes its copy away, like an eviction: a clean-up of the others must not count on
 * that copy meanwhile. So one other copy of each image is reserved too, which such a clean-up would have to
 * remove. Nothing counts on a disk without copies. But if a manager can crash, a pending change on any disk
 * must not find that disk on another node, which may be flagged.
 */
function* removalClaims({ before, disks }: DiskRemoval, { map, profile }: Where): Iterable<Claim> {
  const going = new Set(disks.flatMap((disk) => diskUUID(before, disk) ?? []))
  const taken = new Set<string>()
  const images = new Set<BackingImage>()
  for (const uuid of going) {
    for (const image of map.imagesOn(uuid)) {
      const copy = copyOn(image, uuid)
      if (copy?.phase !== 'present' || isWorthless(copy) || image.metadata.terminating) continue
      taken.add(uuid)
      images.add(image)
    }
  }
  const own = profile === 'C' ? taken : going
  if (own.size > 0) yield { entry: before.metadata.name, intent: 'eviction', disks: [...own] }
  if (own.size > 0) yield lookAtUnowned([...own])
  // Afterwards no node has them. A flagged node that they may join has to see that.
  if (profile !== 'C' && own.size > 0) yield { entry: unownedDisks, intent: 'removal', disks: [...own] }
  const counted = new Set([...images].flatMap((image) => bestBeside(going, image, map) ?? []))
  yield* onOwners(counted, 'keep', map)
  if (profile !== 'C') yield* onOwners(counted, 'eviction', map)
  // Several nodes can show the disk of a copy, and not all of them may remove it.
  for (const uuid of taken) {
    for (const { node } of map.ownersOf(uuid))
      if (node !== before.metadata.name) yield { entry: node, intent: 'keep', disks: [uuid] }
  }
}

/**
 * Changes that were admitted before Longhorn knew these disks on this node are reserved on the entry of disks
 * that work on no node, and may not be committed yet. A change that reserves there reads all nodes
 * afterwards. So a change after this look finds the disk on its node, and meets earlier reservations there:
 * nothing has to be added here.
 */
function lookAtUnowned(disks: readonly string[]): Claim {
  return { entry: unownedDisks, intent: 'eviction', disks, looks: true }
}

/**
 * A disk of a dead node may have been moved here. Reservations from the time when its node worked are on the
 * entry of that node. Every node is read for this: see {@link mayBeAnyDisk}.
 */
function* lookAtDeadNodes(name: string, map: DiskMapView): Iterable<Claim> {
  for (const node of map.nodes()) {
    if (node.metadata.name === name) continue
    const broken = [...node.spec.disks.keys()].filter((disk) => !isAtWork(node, disk))
    const disks = [...new Set(broken.flatMap((disk) => diskUUID(node, disk) ?? []))]
    if (disks.length > 0) yield { entry: node.metadata.name, intent: 'eviction', disks, looks: true }
  }
}

/**
 * True for an eviction of a disk of unknown UUID. It may have been on any node, so every node has to be read.
 */
export function mayBeAnyDisk(claims: readonly Claim[]): boolean {
  return claims.some(
    ({ entry, intent, disks }) => entry === unownedDisks && intent === 'eviction' && disks === 'any',
  )
}

/** The UUID of the disk with the best usable copy of an image beside these; undefined if there is none. */
function bestBeside(going: ReadonlySet<string>, image: BackingImage, map: DiskMapView): string | undefined {
  const others = copiesOf(image).filter((copy) => !going.has(copy.diskUUID) && isUsable(copy, map))
  const working = others.filter((copy) => map.isAtWork(copy.diskUUID))
  return (working.find(isReady) ?? working[0] ?? others[0])?.diskUUID
}

/**
 * The UUIDs of the disks whose copies an eviction counts on to stay: for each image one that is ready where
 * it works, or all usable ones if none is. If an image is ready on an evicted disk, Longhorn makes a copy
 * first.
 */
export function countedOn(eviction: Eviction, map: DiskMapView): ReadonlySet<string> {
  const isEvicted = evictedAfter(eviction, map)
  const own = new Set(eviction.evicting.map((disk) => diskUUID(eviction.node, disk)))
  const seen = new Set<BackingImage>()
  const counted = new Set<string>()
  for (const { image, diskUUID: evicted } of evictedCopies(eviction, map)) {
    const copy = copyOn(image, evicted)
    if (seen.has(image) || copy?.phase !== 'present' || isWorthless(copy)) continue
    seen.add(image)
    const copies = copiesOf(image)
    const sure = copies.filter((each) => isReady(each) && !isBroken(each, map))
    const [first] = sure
    if (first) {
      if (!sure.some((each) => own.has(each.diskUUID))) counted.add(first.diskUUID)
      continue
    }
    for (const other of copies)
      if (!isEvicted(other.diskUUID) && isUsable(other, map)) counted.add(other.diskUUID)
  }
  return counted
}

/**
 * If no copy that stays is ready on a node that is up, a clean-up counts on the others. An eviction would
 * delete those that are not ready, and a node that is down may be deleted with its copies. A ready copy is
 * counted on too, since its disk can be removed, as lost or by override. On profiles A and B that conflicts
 * with the removal, which is claimed as well.
 */
function* keepForCleanup(cleanup: Cleanup, { map, profile }: Where): Iterable<Claim> {
  const { removed, kept } = outcomeOf(cleanup)
  if (removed.every(isWorthless)) return
  const sure = kept.find((copy) => isReady(copy) && !isBroken(copy, map))
  if (sure && profile !== 'C') return
  const counted = sure ? [sure] : kept.filter((copy) => isUsable(copy, map))
  yield* onOwners(
    counted.map((copy) => copy.diskUUID),
    'keep',
    map,
  )
}

/** True for a copy on a disk that no node has, or that does not work where it is. */
function isBroken({ diskUUID: uuid }: Copy, map: DiskMapView): boolean {
  const owners = map.ownersOf(uuid)
  if (owners.length === 0) return true
  return owners.some(({ node: name, disk }) => {
    const node = map.node(name)
    return node !== undefined && !isAtWork(node, disk)
  })
}

/** The claims of an intent on these disks, on whatever node they are. */
function* onOwners(uuids: Iterable<string>, intent: Intent, map: DiskMapView): Iterable<Claim> {
  for (const uuid of uuids) {
    // A disk of a dead node may be on another node by now, and evicted there.
    if (!map.isAtWork(uuid)) yield { entry: unownedDisks, intent, disks: [uuid] }
    for (const { node } of map.ownersOf(uuid)) yield { entry: node, intent, disks: [uuid] }
  }
}

/** True for changes through a proxy, which sees the result of a write and then releases its reservations. */
export function isProxied({ door }: Pick<Request, 'door'>): boolean {
  return door === 'proxy-longhorn' || door === 'proxy-kubernetes'
}

/**
 * The lock that a write through a proxy takes on its object, for all proxies. The API server commits a
 * reviewed write only on the reviewed version. Longhorn's REST API writes on the current version, whatever it
 * is. Two such writes to one object can each be harmless on the version that both were judged on, but not one
 * after the other: two clean-ups, each of another copy, remove the last one.
 */
export function writeLock(change: Change): Claim[] {
  // A creation races with no other write: the API server creates a name once.
  if (!isProxied(change.request) || change.operation === 'CREATE') return []
  return [{ entry: writesOf(change.kind, nameOf(change)), intent: 'write', disks: 'any' }]
}
