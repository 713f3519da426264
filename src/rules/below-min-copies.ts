import { copiesOf, type Copy, copyOn, isReady } from '../longhorn/copies.ts'
import { evictedAfter, evictedCopies, isUsable, oncePerImage, outcomeOf, subjectOf } from './copies-left.ts'
import { lostDisks, standingDisks, whyOwnerLost } from './lost.ts'
import { isLonghorn } from './policy.ts'
import type { Circumstances, Rule } from './rule.ts'
import { lookAtImage, readyCopies } from './sentences.ts'

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
      why: isLost ? `The copy is lost already: ${whyLostOf(taken, circumstances)}.` : tooFew,
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
    const told = new Set<string>()
    for (const { image, node, disk, diskUUID } of evictedCopies(eviction, map)) {
      const { name } = image.metadata
      const copy = copyOn(image, diskUUID)
      if (told.has(name) || !copy || !isReady(copy)) continue
      const ready = readyAfter(image)
      const wanted = image.spec.minNumberOfCopies
      if (ready >= wanted) continue
      told.add(name)
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
