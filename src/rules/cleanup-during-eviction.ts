import type { DiskOwner } from '../disk-map/disk-map-view.ts'
import { diskUUID, isEvicting, isFlagged } from '../longhorn/eviction.ts'
import type { Node } from '../longhorn/node.ts'
import type { Cleanup } from './acts.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { consequence, inState, lookAtNode, theDisk } from './sentences.ts'

/**
 * A copy removed from spec while its node is evicted: through REST or UI (o2), by the automatic clean-up (o3), at
 * the normal end of an eviction (o4), by the v2 hand-over (o9).
 */
export const cleanupDuringEviction: Rule = {
  name: 'cleanup-during-eviction',
  effects: { A: 'hold', B: 'hold', C: 'warn', none: 'off' },

  *cleanup(cleanup, circumstances) {
    for (const uuid of cleanup.disks) {
      // A copy that is only planned leaves nothing behind in status, so nothing turns pending.
      if (!cleanup.after.status.diskFileStatusMap.has(uuid)) continue
      for (const owner of endangeredOwners(uuid, circumstances))
        yield draft(cleanup, uuid, owner, circumstances)
    }
  },
}

/** The nodes whose manager would meet the clean-up. */
function* endangeredOwners(uuid: string, circumstances: Circumstances): Iterable<DiskOwner> {
  const { map, profile } = circumstances
  const owners = map.ownersOf(uuid)
  for (const owner of owners) {
    const node = map.node(owner.node)
    if (node && meets(node, owner.disk, circumstances)) yield owner
  }
  if (owners.length > 0 || profile === 'C') return
  // No node has the disk: it may be one that its new node has not synced yet.
  for (const node of map.nodesWithUnsyncedDisks()) {
    for (const disk of node.spec.disks.keys()) {
      if (diskUUID(node, disk) === undefined && meets(node, disk, circumstances)) {
        yield { node: node.metadata.name, disk }
      }
    }
  }
}

/** Profile A looks at all disks of a flagged node, B and C at the evicting ones (longhorn.md §2). */
function meets(node: Node, disk: string, { profile }: Circumstances): boolean {
  return profile === 'A' ? isFlagged(node) : isEvicting(node, disk)
}

function draft(
  { before, after }: Cleanup,
  uuid: string,
  owner: DiskOwner,
  circumstances: Circumstances,
): Draft {
  const image = after.metadata.name
  const copy = `copy${inState(after.status.diskFileStatusMap.get(uuid)?.state ?? '')}`
  const { node, disk } = owner
  const endsEviction = before.spec.diskFileSpecMap.get(uuid)?.evictionRequested ?? false
  const what = endsEviction
    ? `the eviction of backing image ${image} from ${theDisk(uuid, owner)} is finished and its ${copy} would now be removed`
    : `the ${copy} of backing image ${image} on ${theDisk(uuid, owner)} would be cleaned up`
  return {
    ...(endsEviction && circumstances.policy.evictionCompletion === 'allow' ? { effect: 'warn' } : {}),
    subjects: [{ node, disk, diskUUID: uuid, image }],
    message: `${what} while an eviction is requested on ${node}: until the file is deleted, ${consequence(node, circumstances)}`,
    clears: `passes once no eviction is requested on node ${node} (a copy that is marked for eviction is still removed after that); ${lookAtNode(node, circumstances)}`,
  }
}
