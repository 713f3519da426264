import type { Rule } from './rule.ts'
import { theDisk } from './sentences.ts'

/** So many replicas are named; more are only counted. */
const namedReplicas = 3

/**
 * A copy removed from a disk that holds a replica of a volume with this image. Longhorn's REST API refuses it, raw
 * writes never do, and eviction itself did it up to 1.7.4, 1.8.1 and 1.9.0 (#11053).
 */
export const copyInUse: Rule = {
  name: 'copy-in-use',
  effects: { A: 'refuse', B: 'refuse', C: 'refuse', none: 'refuse' },

  *cleanup({ after, disks }, { map, policy }) {
    const image = after.metadata.name
    for (const diskUUID of disks) {
      const replicas = [...map.replicasUsing(image, diskUUID)].sort()
      if (replicas.length === 0) continue
      const [owner] = map.ownersOf(diskUUID)
      const named = replicas.slice(0, namedReplicas)
      const more = replicas.length > named.length ? ` and ${replicas.length - named.length} more` : ''
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        message: `the copy of backing image ${image} on ${theDisk(diskUUID, owner)} is used on the same disk by replica ${named.join(', ')}${more}, which would turn to error without it`,
        clears: `move or delete the replica first; look: kubectl -n ${policy.longhornNamespace} get replicas.longhorn.io ${named.join(' ')}`,
      }
    }
  },
}
