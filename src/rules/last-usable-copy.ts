import { outcomeOf, subjectOf } from './cleanup-outcome.ts'
import { standingDisks } from './lost.ts'
import type { Rule } from './rule.ts'
import { inState, lookAtImage, theDisk } from './sentences.ts'
import { isWorthless, survives } from './usable.ts'

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
      clears: `keep this copy until another one is ready, or delete the image if it is not needed; ${lookAtImage(metadata.name, circumstances)}`,
    }
  },
}
