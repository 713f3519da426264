import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import { isWorthless, outcomeOf, subjectOf, survives } from './copies-left.ts'
import { wayOut } from './images-nowhere.ts'
import { type LossCircumstances, lostDisks, standingDisks } from './lost.ts'
import type { Rule } from './rule.ts'
import { inState, lookAtImage, theDisk } from './sentences.ts'

/** How an image was made that cannot be made again (longhorn.md §4). */
const unrepeatable = new Set(['upload', 'export-from-volume', 'clone'])

/**
 * A clean-up that leaves no copy which is, or may turn out to be, whole. Longhorn's REST API accepts it when the
 * last copy is not `ready`; raw writes are not checked at all (longhorn.md §4).
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
    const where = lost.map(
      ({ diskUUID, state }) => `on ${theDisk(diskUUID, map.ownersOf(diskUUID)[0])}${inState(state)}`,
    )
    const forGood = unrepeatable.has(spec.sourceType)
      ? `; an image made by ${spec.sourceType} cannot be made again`
      : ''
    yield {
      subjects: lost.map((copy) => subjectOf(copy, map)),
      message: `this removes the last usable copy of backing image ${metadata.name}, ${where.join(' and ')}${forGood}`,
      clears: `${wayBack(cleanup.after, lost, circumstances)}; ${lookAtImage(metadata.name, circumstances)}`,
    }
  },
}

/** Longhorn makes no other copy from one that nobody can read. */
function wayBack(image: BackingImage, lost: readonly Copy[], circumstances: LossCircumstances): string {
  const { map, policy } = circumstances
  const isLost = lostDisks(circumstances)
  if (lost.every(({ diskUUID }) => map.ownersOf(diskUUID).length === 0))
    return wayOut(image, policy.longhornNamespace)
  return lost.every(({ diskUUID }) => isLost(diskUUID))
    ? `bring the disk back, so that Longhorn can copy the image from it. If the image is not needed, delete it: kubectl -n ${policy.longhornNamespace} delete backingimages.longhorn.io ${image.metadata.name}`
    : 'keep this copy until another one is ready, or delete the image if it is not needed'
}
