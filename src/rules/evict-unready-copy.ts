import { copiesOf, copyOn, isReady } from '../longhorn/copies.ts'
import { evictedAfter, evictedCopies, isCountedOn, isWorthless, oncePerImage } from './copies-left.ts'
import { standingDisks } from './lost.ts'
import type { Rule } from './rule.ts'
import { inState, lookAtImage } from './sentences.ts'

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
