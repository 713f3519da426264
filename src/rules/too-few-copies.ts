import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, copyOn, isReady } from '../longhorn/copies.ts'
import {
  evictedAfter,
  evictedCopies,
  isCountedOn,
  isUsable,
  isWorthless,
  oncePerImage,
  outcomeOf,
  subjectOf,
  survives,
  wayOut,
} from './copies-left.ts'
import { type LossCircumstances, lostDisks, standingDisks, whyOwnerLost } from './lost.ts'
import { isLonghorn } from './policy.ts'
import type { Circumstances, Rule } from './rule.ts'
import { inState, lookAtImage, readyCopies } from './sentences.ts'

/** The sources of an image that cannot be made again (longhorn.md §4). */
const unrepeatable: ReadonlyMap<string, string> = new Map([
  ['upload', 'was uploaded'],
  ['export-from-volume', 'was exported from a volume'],
  ['clone', 'was cloned from another image'],
])

/**
 * A clean-up that leaves no copy which is complete, or may turn out to be. Longhorn's REST API accepts it if
 * the last copy is not `ready`; raw writes are not checked at all (longhorn.md §4).
 */
export const lastUsableCopy: Rule = {
  name: 'last-usable-copy',
  effects: { A: 'refuse', B: 'refuse', C: 'refuse', none: 'refuse' },

  *cleanup(cleanup, circumstances) {
    const { map } = circumstances
    const { removed, kept } = outcomeOf(cleanup)
    const lost = removed.filter((copy) => !isWorthless(copy))
    const stands = standingDisks(circumstances)
    if (lost.length === 0 || kept.some((copy) => survives(copy, map, stands))) return
    const { metadata, spec } = cleanup.after
    const { name } = metadata
    const made = unrepeatable.get(spec.sourceType)
    yield {
      subjects: lost.map((copy) => subjectOf(copy, map)),
      found: lost.length === 1 ? 'it is the last usable copy' : 'they are the last usable copies',
      why:
        made === undefined
          ? `Longhorn makes new copies of ${name} from a usable one, and has no other.`
          : `${name} ${made}, so Longhorn cannot make it again.`,
      next: wayBack(cleanup.after, lost, circumstances),
      look: lookAtImage(name, circumstances),
    }
  },
}

/** Longhorn makes no other copy from an unreadable one. */
function wayBack(image: BackingImage, lost: readonly Copy[], circumstances: LossCircumstances): string {
  const { map, policy } = circumstances
  const isLost = lostDisks(circumstances)
  if (lost.every(({ diskUUID }) => map.ownersOf(diskUUID).length === 0))
    return wayOut(image, policy.longhornNamespace)
  return lost.every(({ diskUUID }) => isLost(diskUUID))
    ? `Bring the disk back, so that Longhorn can copy the image from it. If you do not need the image, delete it, after the volumes that use it: kubectl -n ${policy.longhornNamespace} delete backingimages.longhorn.io ${image.metadata.name}`
    : 'Wait until another copy is ready, or delete the backing image if you no longer need it.'
}

/**
 * An eviction of a copy that is not ready while the image has no other: eviction deletes all evicting copies
 * if none is ready (longhorn.md §4).
 */
export const evictUnreadyCopy: Rule = {
  name: 'evict-unready-copy',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'off' },

  *eviction(eviction, circumstances) {
    const { map } = circumstances
    const isEvicted = evictedAfter(eviction, map)
    const stands = standingDisks(circumstances)
    const isSafe = oncePerImage((image) =>
      copiesOf(image).some(
        (copy) => isCountedOn(copy, map, stands) && (isReady(copy) || !isEvicted(copy.diskUUID)),
      ),
    )
    for (const { image, diskUUID, node, disk } of evictedCopies(eviction, map)) {
      const copy = copyOn(image, diskUUID)
      if (copy?.phase !== 'present' || isWorthless(copy) || isSafe(image)) continue
      const { name } = image.metadata
      yield {
        subjects: [{ node, disk, diskUUID, image: name }],
        found: `backing image ${name} has no ready copy, and Longhorn would delete the one on ${disk}${inState(copy.state)}`,
        why: 'Longhorn deletes the copies on evicted disks without a replacement if none is ready.',
        next: `The eviction is allowed once a copy of ${name} is ready.`,
        look: lookAtImage(name, circumstances),
      }
    }
  },
}

/**
 * A clean-up or an eviction that leaves fewer ready copies than `minNumberOfCopies`. Longhorn's controllers
 * do that routinely (one healthy copy elsewhere is enough for an eviction to end), so they only get a
 * warning. So does a clean-up on a lost disk, whose copies do not count anyway.
 */
export const belowMinCopies: Rule = {
  name: 'below-min-copies',
  effects: { A: 'warn', B: 'warn', C: 'warn', none: 'warn' },

  *cleanup(cleanup, circumstances) {
    const { map, policy, actor } = circumstances
    const { removed, kept } = outcomeOf(cleanup)
    // Removing a failed or incomplete copy removes no ready one.
    const taken = removed.filter((copy) => isUsable(copy, map))
    const stands = standingDisks(circumstances)
    // Status may still say ready for a disk that no node has.
    const ready = kept.filter((copy) => isReady(copy) && stands(copy.diskUUID)).length
    const { metadata, spec } = cleanup.after
    if (taken.length === 0 || ready >= spec.minNumberOfCopies) return
    const isLostDisk = lostDisks(circumstances)
    const isLost = taken.every(({ diskUUID }) => isLostDisk(diskUUID))
    yield {
      ...(isLost || isLonghorn(actor, policy.longhornNamespace) ? {} : { effect: 'refuse' }),
      subjects: taken.map((copy) => subjectOf(copy, map)),
      found: `the image would have ${readyCopies(ready)} and must have ${spec.minNumberOfCopies}`,
      why: isLost
        ? `${taken.length === 1 ? 'The copy is on a lost disk, and does' : 'The copies are on lost disks, and do'} not count: ${whyLostOf(taken, circumstances)}.`
        : tooFew,
      next: isLost
        ? 'Watch that Longhorn makes another copy.'
        : `Add a disk to spec.diskFileSpecMap and wait until ${spec.minNumberOfCopies} other${spec.minNumberOfCopies === 1 ? ' copy is' : ' copies are'} ready, or lower spec.minNumberOfCopies.`,
      look: lookAtImage(metadata.name, circumstances),
    }
  },

  *eviction(eviction, circumstances) {
    const { map } = circumstances
    const isEvicted = evictedAfter(eviction, map)
    const stands = standingDisks(circumstances)
    const isElsewhere = (copy: Copy): boolean =>
      isReady(copy) && stands(copy.diskUUID) && !isEvicted(copy.diskUUID)
    const readyAfter = oncePerImage((image) => copiesOf(image).filter(isElsewhere).length)
    const found = new Set<string>()
    for (const { image, node, disk, diskUUID } of evictedCopies(eviction, map)) {
      const { name } = image.metadata
      const copy = copyOn(image, diskUUID)
      if (found.has(name) || !copy || !isReady(copy)) continue
      const ready = readyAfter(image)
      const wanted = image.spec.minNumberOfCopies
      if (ready >= wanted) continue
      found.add(name)
      yield {
        subjects: [{ node, disk, diskUUID, image: name }],
        found: `backing image ${name} has ${readyCopies(ready)} elsewhere and must have ${wanted}`,
        why: tooFew,
        next: 'Let Longhorn make more copies first, or watch that it does.',
        look: lookAtImage(name, circumstances),
      }
    }
  },
}

const tooFew =
  'With fewer copies than spec.minNumberOfCopies, the loss of a disk can be the loss of the image.'

/** Why the disks of these copies count as lost, each reason once. */
function whyLostOf(copies: readonly Copy[], circumstances: Circumstances): string {
  const reasons = copies.flatMap(({ diskUUID }) => {
    const owners = circumstances.map.ownersOf(diskUUID)
    return owners.length === 0
      ? [`no node has disk ${diskUUID}`]
      : owners.map((owner) => whyOwnerLost(owner, circumstances))
  })
  return [...new Set(reasons)].join('; ')
}
