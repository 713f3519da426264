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

/** Another change conflicts with a claim: it may be committed at any moment, or waits for that. */
export interface Conflict {
  readonly claim: Claim
  readonly reservation: Reservation
  /** When it ends at the latest, in milliseconds by the monotonic clock. */
  readonly until: number
  /** When the conflict was found, by the same clock. */
  readonly metAt: number
}

/**
 * The rules that would stop the change if the other one were committed already. So the second change gets the
 * same message before the commit of the first as after it. If the operator does not enforce these rules, the
 * two may conflict.
 *
 * The rules depend on the order. A clean-up that counts on a copy which is being evicted breaks
 * `last-usable-copy`. An eviction of the copy that a clean-up counts on breaks `evict-unready-copy`. So one
 * order can pass and the other not if only one of the two is enforced, just as for two changes one after the
 * other.
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

/** The combined effect of two writes to one object that neither has alone. */
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

/** A write to a node can empty a disk and remove another one; both are one reservation. */
function ofTaking(change: Change): readonly [RuleName, ...RuleName[]] {
  const acts = new Set(actsOf(change).map(({ act }) => act))
  if (!acts.has('disk-removal')) return ['evict-unready-copy']
  return acts.has('eviction')
    ? ['evict-unready-copy', 'disk-removal-with-copies']
    : ['disk-removal-with-copies']
}

/** True if a rule that a conflict would break is enforced for the change; otherwise both may be admitted. */
export function isEnforced(conflict: Conflict, change: Change, { modes }: Policy): boolean {
  return rulesOf(conflict, change).some((rule) => modes[rule] === 'enforce')
}

/** Describes the obstacle of a conflict, and its latest end. */
export function findingOf(change: Change, conflict: Conflict, map: DiskMapView): Objection {
  const { claim, reservation, until, metAt } = conflict
  const { kind, name, by, resourceVersion } = reservation
  const seconds = Math.max(0, Math.ceil((until - metAt) / 1_000))
  return {
    rule: rulesOf(conflict, change)[0],
    effect: 'hold',
    subjects: [subjectOf(change, conflict)],
    doing: doing(actsOf(change), map),
    found: `${doingOf(reservation)} came first (${kind} ${name}${disksOf(reservation, map) ?? whereOf(claim.entry)})`,
    why: `Together they could crash a manager or lose data, which neither does alone. The other change is admitted or next (resourceVersion ${resourceVersion === '' ? '(new)' : resourceVersion}, reserved by ${by}).`,
    next: `The request is allowed as soon as that change is stored or given up, in about ${seconds}s at the latest.`,
    look: [],
  }
}

/** The name of a node already says where. */
function whereOf(entry: string): string {
  // By now it may be known.
  return entry === unownedDisks ? ', a disk whose UUID was not known then' : ''
}

/**
 * The effect of the other change, as far as its reservation shows it: a removed disk has the same reservation
 * as an emptied one.
 */
function doingOf({ kind, intent, disks }: Reservation): string {
  switch (intent) {
    case 'eviction':
      // A removal names its disks by their UUIDs.
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

/** The maximum of named disks; people read no more. */
const listedDisks = 10

function disksOf({ disks }: Reservation, map: DiskMapView): string | undefined {
  if (disks === 'any' || disks.length === 0) return undefined
  const more = disks.length - listedDisks
  const listed = disks.slice(0, listedDisks).map((uuid) => theDisk(uuid, map.ownersOf(uuid)[0]))
  return `, ${listed.join(' and ')}${more > 0 ? ` and ${more} more disks` : ''}`
}

function subjectOf(change: Change, { claim, reservation }: Conflict): Subject {
  const image = change.kind === 'Node' ? imageOf(reservation) : nameOf(change)
  const node = nodeOf(claim.entry)
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
