import type { DiskOwner, PendingCleanup } from '../disk-map/disk-map-view.ts'
import type { UnseenChanges } from '../disk-map/ended.ts'
import type { Circumstances } from './rule.ts'
import type { Unnoticed } from './unnoticed.ts'

/** `disk disk-1 (0a1b…) of node node-1`, or without a node if no node has it. */
export function theDisk(diskUUID: string, owner: DiskOwner | undefined): string {
  if (!owner) return `disk ${diskUUID} (which no node has)`
  return `disk ${owner.disk} (${diskUUID}) of node ${owner.node}`
}

/** A disk that no node shows at work, and that one of a node may be whose UUID is not known yet. */
export function perhapsTheDisk(
  diskUUID: string,
  { node, disk }: DiskOwner,
  { map }: Pick<Circumstances, 'map'>,
): string {
  const [known] = map.ownersOf(diskUUID)
  return `${theDisk(diskUUID, known)}${known ? ', where it does not work' : ''}; it may be disk ${disk} of node ${node}, whose UUID is not known yet`
}

/** `the copy (ready) is gone from spec and still in status, seen so for 12s`; at the time of judging. */
export function isPending({ state, since }: PendingCleanup, { now }: Pick<Circumstances, 'now'>): string {
  return `the copy${inState(state)} is gone from spec and still in status, seen so for ${lasting(now - since)}`
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

/** ` (ready)`; nothing for a state that was never written. */
export function inState(state: string): string {
  return state === '' ? '' : ` (${state})`
}

/** `2s ago`; at the time of judging. */
export function ago(at: number, { now }: Pick<Circumstances, 'now'>): string {
  return `${Math.max(0, Math.round((now - at) / 1_000))}s ago`
}

/** What of a finding is the same for all that is over: time clears it. */
export function inTime({ until }: Unnoticed<unknown>, { now }: Pick<Circumstances, 'now'>) {
  return { until, clears: `passes by itself in about ${Math.ceil((until - now) / 1_000)}s` }
}

/** Why it counts that the guard was not told of each change. */
export function unseenChanges({ over }: Unnoticed<UnseenChanges>, circumstances: Circumstances): string {
  const { kind, name, at } = over
  return `the guard learnt only ${ago(at, circumstances)} how ${kind} ${name} is now, and not how it was in between`
}

/**
 * Why a manager may still work on an eviction that concerns this disk, and what happens then.
 *
 * @param owner of the disk
 */
export function unseenEviction(
  unseen: Unnoticed<UnseenChanges>,
  owner: DiskOwner | undefined,
  circumstances: Circumstances,
): string {
  const { name, what, at } = unseen.over
  switch (what.why) {
    case 'missed':
      return `${unseenChanges(unseen, circumstances)}: an eviction may have been cleared that Longhorn still works on, and then ${consequence(owner?.node ?? name, circumstances)}`
    case 'no UUID':
      return `an eviction on ${name} ended only ${ago(at, circumstances)}, when ${unknownDisks(what.disks)}; Longhorn may not have noticed yet, and then ${consequence(name, circumstances)}`
  }
}

function unknownDisks(disks: readonly string[]): string {
  return disks.length === 1
    ? `the UUID of its disk ${disks.join()} was not known: that may be this disk`
    : `the UUIDs of its disks ${disks.join(', ')} were not known: one of them may be this disk`
}

/** The release in a sentence; an unknown one is taken for the worst. */
function theRelease({ release }: Circumstances): string {
  return release === undefined
    ? 'Longhorn (of unknown release, so the worst is assumed)'
    : `Longhorn ${release}`
}

/** What this release does when an eviction meets a pending clean-up on the node (longhorn.md §2). */
export function consequence(node: string, circumstances: Circumstances): string {
  const longhorn = theRelease(circumstances)
  switch (circumstances.profile) {
    case 'A':
      return `${longhorn} would crash the longhorn-manager of ${node}: it does for a pending clean-up on any disk of a node with an eviction`
    case 'B':
      return `${longhorn} would crash the longhorn-manager of ${node}: it does for a pending clean-up on a disk that is evicted`
    case 'C':
      return `${longhorn} would requeue ${node} without a pause until the clean-up has ended`
    case 'none':
      return `${longhorn} does not evict backing images, but the releases after it would crash or requeue here`
  }
}

/** The command that shows the image. */
export function lookAtImage(image: string, { policy }: Circumstances): string {
  return `look: kubectl -n ${policy.longhornNamespace} get backingimages.longhorn.io ${image} -o yaml`
}

/** The command that shows the node. */
export function lookAtNode(node: string, { policy }: Circumstances): string {
  return `look: kubectl -n ${policy.longhornNamespace} get nodes.longhorn.io ${node} -o yaml`
}

/** What ends a pending clean-up, and why it may not end by itself. */
export function endOfCleanup({ image, diskUUID }: PendingCleanup, circumstances: Circumstances): string {
  const manager = circumstances.map.managerState(diskUUID)
  const stuck =
    manager === undefined || manager === 'running'
      ? ''
      : `. The backing image manager of the disk is ${manager === '' ? 'not running' : manager}: it cannot delete until it runs again`
  return `passes once status.diskFileStatusMap of ${image} no longer lists ${diskUUID}; ${lookAtImage(image, circumstances)}${stuck}`
}
