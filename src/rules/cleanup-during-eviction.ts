import type { DiskOwner, EndedEviction, UnseenChanges } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import type { Cleanup, Placement } from './change.ts'
import { outcomeOf } from './copies-left.ts'
import { endangeredBy, unnoticedOn, unseenOf } from './disks-at-risk.ts'
import type { Circumstances, Draft, Rule, Unnoticed } from './rule.ts'
import { ago, consequence, inTime, lookAtNode, unnoticedYet, unseenEviction } from './sentences.ts'

/**
 * A copy removed from spec while its node is evicted: through REST or UI (o2), by the automatic clean-up
 * (o3), at the normal end of an eviction (o4), by the v2 hand-over (o9). A cleared flag counts until Longhorn
 * has noticed: a running sync still works on the flagged node.
 */
export const cleanupDuringEviction: Rule = {
  name: 'cleanup-during-eviction',
  effects: { A: 'hold', B: 'hold', C: 'warn', none: 'off' },

  *cleanup(cleanup, circumstances) {
    const endangered = endangeredBy(circumstances)
    for (const copy of outcomeOf(cleanup).removed) {
      // A planned copy has no entry in status, so its removal leaves no pending clean-up.
      if (copy.phase === 'planned') continue
      for (const { owner, perhaps } of endangered(copy.diskUUID)) {
        yield draft(cleanup, copy, owner, perhaps, circumstances)
      }
      for (const eviction of endedEvictions(copy.diskUUID, circumstances)) {
        yield clearedDraft(cleanup, copy, eviction, circumstances)
      }
      for (const unseen of unseenOf('Node', circumstances)) {
        yield unseenDraft(cleanup, copy, unseen, circumstances)
      }
    }
  },
}

/** Profile A uses all disks of a flagged node, B the evicted ones (longhorn.md §2). */
function* endedEvictions(uuid: string, circumstances: Circumstances): Iterable<Unnoticed<EndedEviction>> {
  for (const eviction of unnoticedOn('eviction', uuid, circumstances)) {
    if (circumstances.profile === 'A' || eviction.over.evicting) yield eviction
  }
}

function draft(
  cleanup: Cleanup,
  copy: Copy,
  { node, disk }: DiskOwner,
  perhaps: string,
  circumstances: Circumstances,
): Draft {
  const { image, diskUUID } = copy
  return {
    ...effectOf(cleanup, copy, circumstances),
    subjects: [{ node, disk, diskUUID, image }],
    found: isMarked(cleanup.before, diskUUID)
      ? `its eviction is finished, and an eviction is still requested on ${node}`
      : `an eviction is requested on ${node}`,
    why: `${perhaps}${consequence(node, circumstances)}`,
    next: `The removal is allowed once no eviction is requested on ${node}. Longhorn still removes a copy after that if it is marked for eviction.`,
    look: lookAtNode(node, circumstances),
  }
}

function clearedDraft(
  cleanup: Cleanup,
  copy: Copy,
  eviction: Unnoticed<EndedEviction>,
  circumstances: Circumstances,
): Draft {
  const { node, disk, diskUUID, at } = eviction.over
  return {
    ...effectOf(cleanup, copy, circumstances),
    subjects: [{ node, disk, diskUUID, image: copy.image }],
    found: `the eviction of ${node} was cleared only ${ago(at, circumstances)}`,
    why: unnoticedYet(node, circumstances),
    ...inTime(eviction, circumstances),
  }
}

function unseenDraft(
  cleanup: Cleanup,
  copy: Copy,
  unseen: Unnoticed<UnseenChanges>,
  circumstances: Circumstances,
): Draft {
  const { image, diskUUID } = copy
  const { name: node } = unseen.over
  const [owner] = circumstances.map.ownersOf(diskUUID)
  return {
    ...effectOf(cleanup, copy, circumstances),
    subjects: [{ node, diskUUID, image }],
    ...unseenEviction(unseen, owner, circumstances),
    ...inTime(unseen, circumstances),
  }
}

/** The operator may allow the normal end of an eviction (o4). */
function effectOf({ before }: Cleanup, { diskUUID }: Copy, { policy }: Circumstances): Pick<Draft, 'effect'> {
  return isMarked(before, diskUUID) && policy.evictionCompletion === 'allow' ? { effect: 'warn' } : {}
}

function isMarked({ spec }: BackingImage, diskUUID: string): boolean {
  return spec.diskFileSpecMap.get(diskUUID)?.evictionRequested === true
}

/**
 * The first file of a new image on a disk of a flagged node (o5). Longhorn writes it to status before spec,
 * which looks like a pending clean-up meanwhile. On profile B only the evicted disks matter; Longhorn chooses
 * none of them, except before it sees the eviction. A cleared flag counts until Longhorn has noticed, so it
 * is no permanent refusal.
 */
export const firstFileDuringEviction: Rule = {
  name: 'first-file-during-eviction',
  effects: { A: 'refuse', B: 'refuse', C: 'off', none: 'off' },

  *placement(placement, circumstances) {
    const { source, diskUUID } = placement
    const image = source.metadata.name
    for (const { owner, perhaps } of endangeredBy(circumstances)(diskUUID)) {
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        found: `an eviction is requested on ${owner.node}`,
        why: `${perhaps}Longhorn writes a first file to status before spec, which looks like a clean-up. ${consequence(owner.node, circumstances)}`,
        next: `Place the first file on another node, or wait until no eviction is requested on ${owner.node}.`,
        look: lookAtNode(owner.node, circumstances),
      }
    }
    yield* unnoticedEvictions(placement, circumstances)
  },
}

function* unnoticedEvictions({ source, diskUUID }: Placement, circumstances: Circumstances): Iterable<Draft> {
  const image = source.metadata.name
  for (const eviction of unnoticedOn('eviction', diskUUID, circumstances)) {
    const { node, disk, evicting, at } = eviction.over
    if (circumstances.profile !== 'A' && !evicting) continue
    yield {
      effect: 'hold',
      subjects: [{ node, disk, diskUUID, image }],
      found: `the eviction of ${node} was cleared only ${ago(at, circumstances)}`,
      why: unnoticedYet(node, circumstances),
      ...inTime(eviction, circumstances),
    }
  }
  for (const unseen of unseenOf('Node', circumstances)) {
    const [owner] = circumstances.map.ownersOf(diskUUID)
    const { name: node } = unseen.over
    yield {
      effect: 'hold',
      subjects: [{ node, diskUUID, image }],
      ...unseenEviction(unseen, owner, circumstances),
      ...inTime(unseen, circumstances),
    }
  }
}
