import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { actsOf, type Change, nameOf } from '../rules/change.ts'
import { doing } from '../rules/doing.ts'
import type { RuleName, Subject } from '../rules/finding.ts'
import type { Policy } from '../rules/policy.ts'
import { theDisk } from '../rules/sentences.ts'
import { nodeOf, unownedDisks } from './reservation-book.ts'
import type { Reservation } from './reservation.ts'
import type { Claim } from './claims.ts'
import type { Objection } from './verdict.ts'

/** Another change stands against a claim, and may be committed at any moment. */
export interface Conflict {
  readonly claim: Claim
  readonly reservation: Reservation
  /** When it ends at the latest, in milliseconds by the monotonic clock. */
  readonly until: number
  /** When it was met, by the same clock. */
  readonly metAt: number
}

/**
 * The rules that would stop the change if the other one were committed already. So whoever comes second is told the same while
 * the first is on its way as after it, and where the operator does not enforce these rules, the two may meet.
 *
 * The rules differ by who comes second. A clean-up that counts on a copy which is being evicted breaks `last-usable-copy`. An
 * eviction of the copy that a clean-up counts on breaks `evict-unready-copy`. So one order can pass and the other not, if only
 * one of the two is enforced: as it is for two changes that come one after the other.
 */
function rulesOf({ claim, reservation }: Conflict, change: Change): readonly [RuleName, ...RuleName[]] {
  switch (claim.intent) {
    case 'removal':
      return ['cleanup-during-eviction']
    case 'placement':
      return ['first-file-during-eviction']
    case 'keep':
      return change.kind === 'BackingImage' ? ['last-usable-copy'] : ofTaking(change)
    case 'eviction':
      return ofEviction(reservation, change)
    case 'write':
      return [ofWrite(reservation)]
  }
}

/** What two writes to one object can bring about that each alone does not. */
function ofWrite({ kind }: Reservation): RuleName {
  switch (kind) {
    case 'Node':
      return 'eviction-during-cleanup'
    case 'BackingImage':
      return 'last-usable-copy'
    case 'BackingImageDataSource':
      return 'first-file-during-eviction'
  }
}

function ofEviction({ intent }: Reservation, change: Change): readonly [RuleName, ...RuleName[]] {
  switch (intent) {
    case 'placement':
      return ['first-file-unfinished']
    case 'keep':
      return ofTaking(change)
    case 'removal':
    case 'eviction':
    case 'write':
      return ['eviction-during-cleanup']
  }
}

/** A write to a node can empty a disk and take another one away; both are reserved as one. */
function ofTaking(change: Change): readonly [RuleName, ...RuleName[]] {
  const acts = new Set(actsOf(change).map(({ act }) => act))
  if (!acts.has('disk-removal')) return ['evict-unready-copy']
  return acts.has('eviction')
    ? ['evict-unready-copy', 'disk-removal-with-copies']
    : ['disk-removal-with-copies']
}

/** True if a rule that a conflict would break is enforced for the change; otherwise the two may meet. */
export function isEnforced(conflict: Conflict, change: Change, { modes }: Policy): boolean {
  return rulesOf(conflict, change).some((rule) => modes[rule] === 'enforce')
}

/** Says of a conflict what stands in the way, and until when at most. */
export function findingOf(change: Change, conflict: Conflict, map: DiskMapView): Objection {
  const { claim, reservation, until, metAt } = conflict
  const { kind, name, by, resourceVersion } = reservation
  const seconds = Math.max(0, Math.ceil((until - metAt) / 1_000))
  return {
    rule: rulesOf(conflict, change)[0],
    effect: 'hold',
    subjects: [subjectOf(change, conflict)],
    doing: doing(actsOf(change), map),
    found: `${doingOf(reservation)} was allowed a moment ago (${kind} ${name}${disksOf(reservation, map) ?? whereOf(claim.page)})`,
    why: `Both together can bring about what each alone does not. The API server may store the other change at any moment (resourceVersion ${resourceVersion === '' ? '(new)' : resourceVersion}, reserved by ${by}).`,
    next: `The request is allowed as soon as that change is stored or given up, in about ${seconds}s at the latest.`,
    look: [],
  }
}

/** Of a node the name says where. */
function whereOf(page: string): string {
  // By now it may be known.
  return page === unownedDisks ? ', a disk whose UUID was not known then' : ''
}

/** What the other change does, as far as what it reserved tells: a disk that goes reserves what one that is emptied does. */
function doingOf({ kind, intent, disks }: Reservation): string {
  switch (intent) {
    case 'eviction':
      // What is taken away is known by its UUIDs.
      return disks === 'any' ? eviction : `${eviction}, or ${diskRemoval}`
    case 'removal':
      return kind === 'Node' ? diskRemoval : cleanup
    case 'placement':
      return 'the making of a first file'
    case 'keep':
      return `${kind === 'Node' ? `${eviction}, or ${diskRemoval}` : cleanup}, which counts on other copies to stay`
    case 'write':
      return 'a write through a proxy'
  }
}

const eviction = 'an eviction'
const diskRemoval = 'the removal of a disk or of its node'
const cleanup = 'a clean-up'

/** So many disks are named; nobody reads more. */
const toldDisks = 10

function disksOf({ disks }: Reservation, map: DiskMapView): string | undefined {
  if (disks === 'any' || disks.length === 0) return undefined
  const more = disks.length - toldDisks
  const told = disks.slice(0, toldDisks).map((uuid) => theDisk(uuid, map.ownersOf(uuid)[0]))
  return `, ${told.join(' and ')}${more > 0 ? ` and ${more} more disks` : ''}`
}

function subjectOf(change: Change, { claim, reservation }: Conflict): Subject {
  const image = change.kind === 'Node' ? imageOf(reservation) : nameOf(change)
  const node = nodeOf(claim.page)
  const [diskUUID] = claim.disks === 'any' ? [] : claim.disks
  return {
    ...(node === undefined ? {} : { node }),
    ...(diskUUID === undefined ? {} : { diskUUID }),
    ...(image === undefined ? {} : { image }),
  }
}

function imageOf({ kind, name }: Reservation): string | undefined {
  return kind === 'Node' ? undefined : name
}
