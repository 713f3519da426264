import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import { isWorthless, outcomeOf, subjectOf, survives } from './copies-left.ts'
import { wayOut } from './images-nowhere.ts'
import { type LossCircumstances, lostDisks, standingDisks } from './lost.ts'
import type { Rule } from './rule.ts'
import { lookAtImage } from './sentences.ts'

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
    ? `Bring the disk back, so that Longhorn can copy the image from it. If you do not need the image, delete it: kubectl -n ${policy.longhornNamespace} delete backingimages.longhorn.io ${image.metadata.name}`
    : 'Wait until another copy is ready, or delete the backing image if you no longer need it.'
}
