import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isGone } from '../longhorn/node.ts'
import { workingOwners } from './lost.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'

/** The maximum of named replicas; more are only counted. */
const namedReplicas = 3

/**
 * A copy removed from a disk with a replica of a volume that uses the image. Longhorn's REST API refuses it,
 * raw writes never do, and eviction itself did it up to 1.7.4, 1.8.1 and 1.9.0 (#11053).
 *
 * A replica on a node that Kubernetes has removed does not run, so it uses nothing, and after a return it
 * asks for the copy again (longhorn.md §3). While only a manager is down, or a disk is not ready, its
 * replicas may still run.
 */
export const copyInUse: Rule = {
  name: 'copy-in-use',
  effects: { A: 'refuse', B: 'refuse', C: 'refuse', none: 'refuse' },

  *cleanup({ after, disks }, circumstances) {
    const { map } = circumstances
    const image = after.metadata.name
    for (const diskUUID of disks) {
      const replicas = [...map.replicasUsing(image, diskUUID)].sort()
      // Longhorn lets a replica follow its disk to another node.
      const isHad = map.ownersOf(diskUUID).some(({ node }) => isThere(node, map))
      const running = isHad ? replicas : replicas.filter((name) => mayRun(name, map))
      if (running.length > 0) yield usedDraft({ image, diskUUID, replicas: running }, circumstances)
      else if (replicas.length > 0) yield leftDraft({ image, diskUUID, replicas }, circumstances)
    }
  },
}

/** A copy, and the replicas that use it. */
interface Use {
  readonly image: string
  readonly diskUUID: string
  /** Their names, at least one. */
  readonly replicas: readonly string[]
}

function mayRun(replica: string, map: DiskMapView): boolean {
  const nodeID = map.replica(replica)?.spec.nodeID
  return nodeID === undefined || nodeID === '' || isThere(nodeID, map)
}

function isThere(name: string, map: DiskMapView): boolean {
  const node = map.node(name)
  return node !== undefined && !isGone(node)
}

function usedDraft({ image, diskUUID, replicas }: Use, { map, policy }: Circumstances): Draft {
  const [owner] = map.ownersOf(diskUUID)
  const named = replicas.slice(0, namedReplicas).join(' ')
  const { longhornNamespace } = policy
  const first = workingOwners(map)(diskUUID)
    ? 'Move or delete the replica first.'
    : `Bring the disk back. If it is gone for good, delete what is left of the replica: kubectl -n ${longhornNamespace} delete replicas.longhorn.io ${named}`
  return {
    subjects: [{ ...owner, diskUUID, image }],
    found: `replica ${listed(replicas)} on the same disk uses it`,
    why: 'The replica would turn to error without this copy.',
    next: first,
    look: [`kubectl -n ${longhornNamespace} get replicas.longhorn.io ${named}`],
  }
}

function leftDraft({ image, diskUUID, replicas }: Use, { map, policy }: Circumstances): Draft {
  const [owner] = map.ownersOf(diskUUID)
  return {
    effect: 'warn',
    subjects: [{ ...owner, diskUUID, image }],
    found: `replica ${listed(replicas)} uses it, and runs nowhere`,
    why: 'Kubernetes has let go of the node of the replica.',
    next: 'If the node comes back, Longhorn copies the image there again.',
    look: [
      `kubectl -n ${policy.longhornNamespace} get replicas.longhorn.io ${replicas.slice(0, namedReplicas).join(' ')}`,
    ],
  }
}

function listed(replicas: readonly string[]): string {
  const named = replicas.slice(0, namedReplicas).join(', ')
  return replicas.length > namedReplicas ? `${named} and ${replicas.length - namedReplicas} more` : named
}
