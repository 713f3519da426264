import { isEvicting, isFlagged } from '../longhorn/eviction.ts'
import type { Rule } from './rule.ts'
import { consequence, lookAtNode, theDisk } from './sentences.ts'

/**
 * The first file of a new image on a disk of a flagged node (o5): Longhorn writes it to status before spec, which
 * looks like a pending clean-up for as long as it lasts. On profile B only the evicted disks matter; Longhorn chooses
 * none of them, unless it chose before the eviction was there to be seen.
 */
export const firstFileDuringEviction: Rule = {
  name: 'first-file-during-eviction',
  effects: { A: 'refuse', B: 'refuse', C: 'off', none: 'off' },

  *placement({ source, diskUUID }, circumstances) {
    const image = source.metadata.name
    for (const owner of circumstances.map.ownersOf(diskUUID)) {
      const node = circumstances.map.node(owner.node)
      const meets = circumstances.profile === 'A' ? isFlagged : isEvicting
      if (!node || !meets(node, owner.disk)) continue
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        message: `the first file of backing image ${image} would be made on ${theDisk(diskUUID, owner)}, where an eviction is requested: it stands in status before it stands in spec, and ${consequence(owner.node, circumstances)}`,
        clears: `place the first file on another node, or wait until no eviction is requested on ${owner.node}; ${lookAtNode(owner.node, circumstances)}`,
      }
    }
  },
}
