import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { copyOn } from '../longhorn/copies.ts'
import { diskUUID } from '../longhorn/eviction.ts'
import type { DiskRemoval } from './acts.ts'
import type { Rule } from './rule.ts'
import { inState, lookAtImage, theDisk } from './sentences.ts'

/**
 * A disk removed from its node, or the node deleted, with a copy or a pending clean-up on it: the copy stays
 * `unknown` for ever and the file is left behind (longhorn.md §4, #10983).
 */
export const diskRemovalWithCopies: Rule = {
  name: 'disk-removal-with-copies',
  effects: { A: 'refuse', B: 'refuse', C: 'refuse', none: 'warn' },

  *'disk-removal'(removal, circumstances) {
    const { map } = circumstances
    const node = removal.before.metadata.name
    const isElsewhere = elsewhere(removal, map)
    const seen = new Set<string>()
    for (const disk of removal.disks) {
      const uuid = diskUUID(removal.before, disk)
      if (uuid === undefined || seen.has(uuid) || isElsewhere(uuid)) continue
      seen.add(uuid)
      for (const image of map.imagesOn(uuid)) {
        const copy = copyOn(image, uuid)
        if (!copy || image.metadata.terminating) continue
        const { name } = image.metadata
        yield {
          subjects: [{ node, disk, diskUUID: uuid, image: name }],
          message: `a copy${inState(copy.state)} of backing image ${name} is ${copy.phase} on ${theDisk(uuid, { node, disk })}, which this takes away: the copy would stay unknown for ever and its file be left behind`,
          clears: `empty the disk first (disable its scheduling and evict it, or clean the copy up) and wait until the status of ${name} no longer lists it; ${lookAtImage(name, circumstances)}`,
        }
      }
    }
  },
}

/** A disk that another node, or another disk name, has already is being moved, not taken away. */
function elsewhere({ before, after }: DiskRemoval, map: DiskMapView): (uuid: string) => boolean {
  const stays = new Set(after && [...after.spec.disks.keys()].map((disk) => diskUUID(after, disk)))
  return (uuid) => stays.has(uuid) || map.ownersOf(uuid).some(({ node }) => node !== before.metadata.name)
}
