import type { DiskOwner, PendingCleanup, UnseenChanges } from '../disk-map/disk-map-view.ts'
import { knowledgeOf, newestKnown } from '../longhorn/releases.ts'
import type { Finding } from './finding.ts'
import type { Circumstances, Unnoticed } from './rule.ts'

/** `disk-1 of node-1`, or by its UUID if no node has it. */
export function theDisk(diskUUID: string, owner: DiskOwner | undefined): string {
  return owner ? `${owner.disk} of ${owner.node}` : `disk ${diskUUID} (which no node has)`
}

/** Why a disk that works on no node may be a disk of unknown UUID on some node. */
export function perhapsTheDisk(
  diskUUID: string,
  { node, disk }: DiskOwner,
  { map }: Pick<Circumstances, 'map'>,
): string {
  const [known] = map.ownersOf(diskUUID)
  const where = known
    ? `Disk ${known.disk} (${diskUUID}) does not work on node ${known.node}`
    : `No node has disk ${diskUUID}`
  return `${where}. It may be disk ${disk} of node ${node}, whose UUID is not known yet.`
}

/** A length of time, given in milliseconds: `12s`, `40m`, `5h`, `12d`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

/** ` (ready)`; empty for a state that was never written. */
export function inState(state: string): string {
  return state === '' ? '' : ` (${state})`
}

/** `1 ready copy`, `2 ready copies`. */
export function readyCopies(count: number): string {
  return `${count} ready ${count === 1 ? 'copy' : 'copies'}`
}

/** `2s ago`, at the time of judging. */
export function ago(at: number, { now }: Pick<Circumstances, 'now'>): string {
  return `${Math.max(0, Math.round((now - at) / 1_000))}s ago`
}

/** With a capital letter and a full stop. */
export function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** The common part of findings about ended changes: time ends them. */
export function inTime({ until }: Unnoticed<unknown>, { now }: Pick<Circumstances, 'now'>) {
  return { until, next: `The request is allowed in about ${Math.ceil((until - now) / 1_000)}s.`, look: [] }
}

/** Why an ended change still counts, with the consequence. */
export function unnoticedYet(node: string, circumstances: Circumstances): string {
  return `Longhorn may not have noticed yet. ${consequence(node, circumstances)}`
}

/** The text if the guard did not see each change. */
export function unseenChanges({ over }: Unnoticed<UnseenChanges>, circumstances: Circumstances): string {
  const { kind, name, at } = over
  return `the guard learnt only ${ago(at, circumstances)} how ${kind} ${name} is now`
}

/**
 * Says that a manager may still work on an eviction of this disk, with the consequence.
 *
 * @param owner of the disk
 */
export function unseenEviction(
  unseen: Unnoticed<UnseenChanges>,
  owner: DiskOwner | undefined,
  circumstances: Circumstances,
): Pick<Finding, 'found' | 'why'> {
  const { name, what, at } = unseen.over
  switch (what.why) {
    case 'missed':
      return {
        found: unseenChanges(unseen, circumstances),
        why: `The guard did not see how it was in between. An eviction may have been cleared that Longhorn still works on. ${consequence(owner?.node ?? name, circumstances)}`,
      }
    case 'no UUID': {
      const isOne = what.disks.length === 1
      return {
        found: `an eviction of ${name} ended only ${ago(at, circumstances)}, when the ${isOne ? 'UUID of its disk' : 'UUIDs of its disks'} ${what.disks.join(', ')} ${isOne ? 'was' : 'were'} not known`,
        why: `${isOne ? 'That may be this disk' : 'One of them may be this disk'}. ${unnoticedYet(name, circumstances)}`,
      }
    }
  }
}

/** The release in a sentence, with the assumption if it is not known. */
function theRelease({ release }: Circumstances): string {
  const name = release ?? ''
  switch (knowledgeOf(release)) {
    case 'known':
      return `Longhorn ${name}`
    case 'newer':
      return `Longhorn ${name} (newer than this guard knows, so judged as ${newestKnown})`
    case 'unnamed':
      return 'Longhorn (of unknown release, so the worst is assumed)'
  }
}

/** The effect of an eviction during a pending clean-up on this release (longhorn.md §2). */
export function consequence(node: string, circumstances: Circumstances): string {
  const longhorn = theRelease(circumstances)
  switch (circumstances.profile) {
    case 'A':
      return `${longhorn} crashes the longhorn-manager of ${node} if an eviction meets a clean-up on any disk of the node.`
    case 'B':
      return `${longhorn} crashes the longhorn-manager of ${node} if an eviction meets a clean-up on the evicted disk.`
    case 'C':
      return `${longhorn} requeues ${node} without a pause until the clean-up has ended.`
    case 'none':
      return `${longhorn} does not evict backing images, but the releases after it crash or requeue here.`
  }
}

/** The command that shows the image. */
export function lookAtImage(image: string, { policy }: Circumstances): readonly string[] {
  return [`kubectl -n ${policy.longhornNamespace} get backingimages.longhorn.io ${image} -o yaml`]
}

/** The command that shows the node. */
export function lookAtNode(node: string, { policy }: Circumstances): readonly string[] {
  return [`kubectl -n ${policy.longhornNamespace} get nodes.longhorn.io ${node} -o yaml`]
}

/** The sentence on the end of a pending clean-up, and on the reason if it lasts. */
export function endOfCleanup({ diskUUID }: PendingCleanup, circumstances: Circumstances): string {
  const manager = circumstances.map.managerState(diskUUID)
  const stuck =
    manager === undefined || manager === 'running'
      ? ''
      : ` The backing image manager of the disk is ${manager === '' ? 'not running' : manager}, and deletes nothing until it runs again.`
  return `The eviction is allowed as soon as the clean-up ends.${stuck}`
}
