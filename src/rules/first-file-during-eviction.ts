import { isFlagged } from '../longhorn/eviction.ts'
import type { Rule } from './rule.ts'
import { consequence, lookAtNode, theDisk } from './sentences.ts'

/**
 * The first file of a new image on a disk of a flagged node (o5): Longhorn writes it to status before spec, which
 * looks like a pending clean-up for as long as it lasts.
 */
export const firstFileDuringEviction: Rule = {
  name: 'first-file-during-eviction',
  effects: { A: 'refuse', B: 'off', C: 'off', none: 'off' },

  *placement({ source, diskUUID }, circumstances) {
    const image = source.metadata.name
    for (const owner of circumstances.map.ownersOf(diskUUID)) {
      const node = circumstances.map.node(owner.node)
      if (!node || !isFlagged(node)) continue
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        message: `the first file of backing image ${image} would be made on ${theDisk(diskUUID, owner)}, where an eviction is requested: it stands in status before it stands in spec, and ${consequence(owner.node, circumstances)}`,
        clears: `place the first file on another node, or wait until no eviction is requested on ${owner.node}; ${lookAtNode(owner.node, circumstances)}`,
      }
    }
  },
}
