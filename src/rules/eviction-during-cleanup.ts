import type { PendingCleanup } from '../disk-map/disk-map-view.ts'
import { disksAtRisk, pendingOnDisk, type DiskAtRisk } from './disks-at-risk.ts'
import { looksPruned } from './outdated-crd.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { consequence, endOfCleanup, isPending, theDisk } from './sentences.ts'

/**
 * An eviction that arrives while a clean-up is pending (o1), or a disk with a pending clean-up that joins a flagged
 * node (o7).
 */
export const evictionDuringCleanup: Rule = {
  name: 'eviction-during-cleanup',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'warn' },

  *eviction(eviction, circumstances) {
    const drafts: Draft[] = []
    for (const disk of disksAtRisk(eviction, circumstances)) {
      for (const cleanup of pendingOnDisk(disk, circumstances))
        drafts.push(draft(disk, cleanup, circumstances))
    }
    if (drafts.length > 0 && looksPruned(circumstances.map)) {
      yield { ...outdatedCrd(eviction.node.metadata.name, circumstances), ...mildest(drafts) }
    } else {
      yield* drafts
    }
  },
}

function draft(risk: DiskAtRisk, cleanup: PendingCleanup, circumstances: Circumstances): Draft {
  const { node, disk, uuid } = risk
  const { image, diskUUID } = cleanup
  const where =
    uuid === undefined
      ? `${theDisk(diskUUID, undefined)}; it may be disk ${disk} of node ${node}, whose UUID is not known yet`
      : theDisk(uuid, risk)
  return {
    ...(isStuck(cleanup, circumstances) ? { effect: 'warn' } : {}),
    subjects: [{ node, disk, diskUUID, image }],
    message: `backing image ${image} is still being cleaned up from ${where}: ${isPending(cleanup)}. With an eviction on ${node}, ${consequence(node, circumstances)}`,
    clears: endOfCleanup(cleanup, circumstances),
  }
}

/** On profile C nothing crashes, and the node to be evicted is often the one that is down and cannot clean up. */
function isStuck({ since }: PendingCleanup, { profile, policy, now }: Circumstances): boolean {
  return profile === 'C' && now - since > policy.stuckAfterMs
}

/** One finding in place of many does no more than they would: a warning if all of them only warn. */
function mildest(drafts: readonly Draft[]): Pick<Draft, 'effect'> {
  return drafts.every(({ effect }) => effect === 'warn') ? { effect: 'warn' } : {}
}

function outdatedCrd(node: string, circumstances: Circumstances): Draft {
  const { pendingImageCount, imageCount } = circumstances.map
  return {
    subjects: [{ node }],
    message: `${pendingImageCount} of ${imageCount} backing images have a clean-up pending at once, on node ${node} too: the CRD backingimages.longhorn.io looks out of date and seems to drop spec.diskFileSpecMap. With an eviction on ${node}, ${consequence(node, circumstances)}`,
    clears:
      'apply the CRDs of the running Longhorn release; look: kubectl get crd backingimages.longhorn.io -o yaml | grep diskFileSpecMap',
  }
}
