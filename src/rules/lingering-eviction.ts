import { diskUUID } from '../longhorn/node.ts'
import type { Rule } from './rule.ts'
import { lookAtImage } from './sentences.ts'

/**
 * The last flag of a node cleared while copies are marked for eviction. The marks stay, in every release, and
 * Longhorn still evicts the copies later, although the UI says cancelled (longhorn.md §4).
 */
export const lingeringEviction: Rule = {
  name: 'lingering-eviction',
  effects: { A: 'warn', B: 'warn', C: 'warn', none: 'off' },

  *'flags-cleared'({ node }, circumstances) {
    const { name } = node.metadata
    const seen = new Set<string>()
    for (const disk of node.spec.disks.keys()) {
      const uuid = diskUUID(node, disk)
      if (uuid === undefined || seen.has(uuid)) continue
      seen.add(uuid)
      for (const image of circumstances.map.imagesOn(uuid)) {
        if (image.metadata.terminating || !image.spec.diskFileSpecMap.get(uuid)?.evictionRequested) continue
        yield {
          subjects: [{ node: name, disk, diskUUID: uuid, image: image.metadata.name }],
          found: `backing image ${image.metadata.name} stays marked for eviction on ${disk}`,
          why: 'Longhorn still moves the copy away.',
          next: 'To keep the copy, set evictionRequested to false in its entry of spec.diskFileSpecMap.',
          look: lookAtImage(image.metadata.name, circumstances),
        }
      }
    }
  },
}
