import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { copiesOf, isReady, type Copy } from '../longhorn/copies.ts'
import { diskUUID } from '../longhorn/eviction.ts'
import type { Profile } from '../longhorn/profile.ts'
import type { Act, Cleanup, Eviction } from '../rules/acts.ts'
import { evictedCopies, isEvictingAfter } from '../rules/after-eviction.ts'
import { outcomeOf } from '../rules/cleanup-outcome.ts'
import { isUsable, isWorthless } from '../rules/usable.ts'
import { covers, union, type Disks, type Intent } from './reservation.ts'
import { unownedDisks } from './reservation-book.ts'

/** What a change has to reserve on one page before it may be admitted. */
export interface Claim {
  /** The key of a page of the book. */
  readonly page: string
  readonly intent: Intent
  readonly disks: Disks
}

/**
 * What these acts claim, one claim for each page and intent, in the order in which pages are to be taken. Before 1.7
 * nothing evicts backing images, so nothing can meet; on profile C nothing crashes, and only copies that are counted
 * on are claimed.
 */
export function claimsOf(acts: readonly Act[], map: DiskMapView, profile: Profile): Claim[] {
  if (profile === 'none') return []
  return merged(acts.flatMap((act) => [...claimsOfAct(act, map, profile)]))
}

/** True if whoever has these claims needs no other for `wanted`. */
export function isCovered(wanted: readonly Claim[], claims: readonly Claim[]): boolean {
  return wanted.every((want) =>
    claims.some(
      ({ page, intent, disks }) => page === want.page && intent === want.intent && covers(disks, want.disks),
    ),
  )
}

/** One claim for each page and intent, with all their disks, in the order in which pages are to be taken. */
export function merged(claims: readonly Claim[]): Claim[] {
  const byKey = new Map<string, Claim>()
  for (const claim of claims) {
    const key = `${claim.page} ${claim.intent}`
    const other = byKey.get(key)
    byKey.set(key, other ? { ...claim, disks: union(other.disks, claim.disks) } : claim)
  }
  return [...byKey.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim)
}

function* claimsOfAct(act: Act, map: DiskMapView, profile: 'A' | 'B' | 'C'): Iterable<Claim> {
  switch (act.act) {
    case 'eviction':
      yield* evictionClaims(act, map, profile)
      yield* keepForEviction(act, map)
      return
    case 'cleanup':
      if (profile !== 'C') yield* onOwners([...act.disks], 'removal', map)
      yield* keepForCleanup(act, map)
      return
    case 'placement':
      if (profile !== 'C') yield* onOwners([act.diskUUID], 'placement', map)
      return
    case 'disk-removal':
    case 'flags-cleared':
      return
  }
}

/**
 * On profile A a flag concerns every disk of the node. The other side looks for the owner of a disk in stored nodes: it
 * finds none of a disk that joins, or another one that still has it, and there they have to meet.
 */
function* evictionClaims(
  { node, evicting, joining }: Eviction,
  map: DiskMapView,
  profile: 'A' | 'B' | 'C',
): Iterable<Claim> {
  const { name } = node.metadata
  const disks = profile === 'A' ? [...node.spec.disks.keys()] : evicting
  const known = disks.map((disk) => diskUUID(node, disk)).filter((uuid) => uuid !== undefined)
  yield { page: name, intent: 'eviction', disks: profile === 'A' ? 'any' : known }
  if (profile === 'C') return
  // A disk that is not synced may be any that no node has, and so may one that joins: what its status says may be old.
  if (known.length < disks.length || disks.some((disk) => joining.includes(disk))) {
    yield { page: unownedDisks, intent: 'eviction', disks: 'any' }
  }
  for (const uuid of known) {
    const owners = map.ownersOf(uuid)
    if (owners.length === 0) yield { page: unownedDisks, intent: 'eviction', disks: [uuid] }
    for (const owner of owners)
      if (owner.node !== name) yield { page: owner.node, intent: 'eviction', disks: [uuid] }
  }
}

/** Where no copy is ready, an eviction counts on the other copies to stay. */
function* keepForEviction(eviction: Eviction, map: DiskMapView): Iterable<Claim> {
  for (const { image, diskUUID: evicted } of evictedCopies(eviction, map)) {
    const copies = copiesOf(image)
    const copy = copies.find((each) => each.diskUUID === evicted && each.phase === 'present')
    if (!copy || isWorthless(copy) || copies.some(isReady)) continue
    const others = copies.filter(({ diskUUID: other }) => !isEvictingAfter(other, eviction, map))
    yield* keep(others, map)
  }
}

/** Where no copy that stays is ready, a clean-up counts on those that are not: an eviction would delete them. */
function* keepForCleanup(cleanup: Cleanup, map: DiskMapView): Iterable<Claim> {
  const { removed, kept } = outcomeOf(cleanup)
  if (removed.every(isWorthless) || kept.some(isReady)) return
  yield* keep(kept, map)
}

function* keep(copies: readonly Copy[], map: DiskMapView): Iterable<Claim> {
  const counted = copies.filter((copy) => isUsable(copy, map))
  yield* onOwners(
    counted.map((copy) => copy.diskUUID),
    'keep',
    map,
  )
}

function* onOwners(uuids: readonly string[], intent: Intent, map: DiskMapView): Iterable<Claim> {
  for (const uuid of uuids) {
    const owners = map.ownersOf(uuid)
    if (owners.length === 0) yield { page: unownedDisks, intent, disks: [uuid] }
    for (const { node } of owners) yield { page: node, intent, disks: [uuid] }
  }
}
