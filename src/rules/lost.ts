import type { DiskMapView, DiskOwner } from '../disk-map/disk-map-view.ts'
import { isAtWork, isDown, isGone, type Node, nodeGone, type NotReady } from '../longhorn/node.ts'
import type { Circumstances } from './rule.ts'
import { lasting } from './sentences.ts'

/** The inputs of whether a disk is lost. */
export type LossCircumstances = Pick<Circumstances, 'map' | 'policy' | 'timeOfDay'>

/**
 * Why no manager works on the node, as a sentence; undefined if one does. The duration in it is for people.
 */
export function whyDown(node: Node, { timeOfDay }: Pick<Circumstances, 'timeOfDay'>): string | undefined {
  const { notReady } = node.status
  if (!notReady || !isDown(node)) return undefined
  const { name } = node.metadata
  return notReady.reason === nodeGone
    ? `Kubernetes has no node ${name} any more (${nodeGone})`
    : `the longhorn-manager of node ${name} is down${forSoLong(heldSince(notReady), timeOfDay)} (${notReady.reason})`
}

/**
 * Why a disk counts as lost, as a sentence; undefined if it does not: Kubernetes has removed its node, or the
 * node's manager has been down, or the disk not ready, for longer than `lostAfter`.
 *
 * The duration is the guard's time of day less a time that a Longhorn manager or the API server recorded, so
 * clocks that disagree make it wrong. It never decides whether the last usable copy may go: a copy may go
 * from a lost disk only if a ready one exists elsewhere.
 */
export function whyLost(node: Node, disk: string, circumstances: LossCircumstances): string | undefined {
  const { timeOfDay } = circumstances
  const whole = whyNodeLost(node, circumstances)
  if (whole !== undefined) return whole
  const ofDisk = node.status.diskStatus.get(disk)?.notReady
  // Each reason of a disk means that Longhorn cannot use it, so a change of the reason does not matter.
  if (!ofDisk || !isLongAgo(ofDisk.since, circumstances)) return undefined
  const reason = ofDisk.reason === '' ? '' : ` (${ofDisk.reason})`
  return `disk ${disk} of node ${node.metadata.name} is not ready${forSoLong(ofDisk.since, timeOfDay)}${reason}`
}

/** Why copies on a disk do not count, as a sentence: it is lost, or may be; undefined if they may count. */
export function whyNothingCountsOn(
  { node: name, disk }: DiskOwner,
  circumstances: LossCircumstances,
): string | undefined {
  const node = circumstances.map.node(name)
  if (!node || !mayBeLost(node, disk, circumstances)) return undefined
  if (node.metadata.terminating) return `node ${name} is being deleted`
  return whyLost(node, disk, circumstances) ?? whyDown(node, circumstances)
}

/** Why a whole node counts as lost; each of its disks can also be lost separately. */
export function whyNodeLost(
  node: Node,
  circumstances: Pick<LossCircumstances, 'policy' | 'timeOfDay'>,
): string | undefined {
  const { notReady } = node.status
  if (!notReady || !isDown(node)) return undefined
  return notReady.reason === nodeGone || isLongAgo(heldSince(notReady), circumstances)
    ? whyDown(node, circumstances)
    : undefined
}

/**
 * True for a disk that is lost, or may have been for long: its copies then do not count. The time when the
 * manager went down is known only within bounds, since Longhorn keeps the time while the reason changes.
 * Between them a copy may not go, nor is it counted on. A node that is being deleted takes its disks with it,
 * even if it came back meanwhile: nothing ends a deletion.
 */
export function mayBeLost(node: Node, disk: string, circumstances: LossCircumstances): boolean {
  if (node.metadata.terminating) return true
  const { notReady } = node.status
  if (notReady && isDown(node) && isLongAgo(notReady.since, circumstances)) return true
  return whyLost(node, disk, circumstances) !== undefined
}

/** Why an eviction on such a node has no effect (Longhorn controller/node_controller.go, syncNode). */
export const onlyItsManager = 'Only the longhorn-manager of the node marks what has to move.'

/**
 * The advice for a node that is down. Longhorn's own webhook allows the deletion of a node only once scheduling is off, no
 * replica is on it, and Kubernetes has no such node, or no manager pod on it (Longhorn webhook/resources/node/validator.go).
 */
export function insteadOfEviction(
  node: Node,
  circumstances: Pick<LossCircumstances, 'policy' | 'timeOfDay'>,
): string {
  const { lostAfterMs } = circumstances.policy
  const when =
    whyNodeLost(node, circumstances) === undefined
      ? `once it has been down for longer than ${lasting(lostAfterMs)}, and as long as`
      : 'as long as'
  return `Bring the node back. If it is gone for good, delete the Longhorn node, and its flag goes with it. That is allowed ${when} every image has a ready copy elsewhere. ${deletion(node, circumstances)}`
}

/**
 * What Longhorn asks of a node that is to be deleted, and the command. A flag cannot be cleared before: from
 * 1.12.2 on Longhorn takes no such write of a node that Kubernetes has removed (longhorn.md §4).
 */
function deletion(node: Node, { policy }: Pick<LossCircumstances, 'policy'>): string {
  const closed = node.spec.allowScheduling ? ', that its scheduling is disabled' : ''
  return `Longhorn also asks that Kubernetes has no node of that name${closed}, and that no replica is on it: kubectl -n ${policy.longhornNamespace} delete nodes.longhorn.io ${node.metadata.name}`
}

/**
 * How a lost disk is taken away, as a sentence. While its manager is down nothing counts the disk as empty, so
 * from 1.8 on Longhorn lets it go with its node alone.
 */
export function removalOfLost(node: Node, disk: string, circumstances: LossCircumstances): string {
  const { name } = node.metadata
  const allowed = 'that is allowed as long as every image has a ready copy elsewhere.'
  return isDown(node)
    ? `Bring node ${name} back, or delete it: ${allowed} ${deletion(node, circumstances)}`
    : `Disable the scheduling of disk ${disk}, and remove it from node ${name}: ${allowed}`
}

/** Why a disk counts as lost on one of its owners. */
export function whyOwnerLost(
  { node: name, disk }: DiskOwner,
  circumstances: LossCircumstances,
): string | undefined {
  const node = circumstances.map.node(name)
  return node && whyLost(node, disk, circumstances)
}

/**
 * A predicate: true for the UUID of a disk if some node has it where it is not lost, and cannot be. Made once
 * for an act: a disk can be on many nodes, or under many names, and each of its images asks for it.
 */
export function standingDisks(circumstances: LossCircumstances): (uuid: string) => boolean {
  const { map } = circumstances
  return oncePerDisk((uuid) =>
    map.ownersOf(uuid).some(({ node: name, disk }) => {
      const node = map.node(name)
      return node !== undefined && !mayBeLost(node, disk, circumstances)
    }),
  )
}

/**
 * A predicate: true for the UUID of a disk that is certainly lost on every node, or that no node has. Made
 * once for an act.
 */
export function lostDisks(circumstances: LossCircumstances): (uuid: string) => boolean {
  return oncePerDisk((uuid) =>
    circumstances.map.ownersOf(uuid).every((owner) => whyOwnerLost(owner, circumstances) !== undefined),
  )
}

/**
 * Finds by the UUID of a disk the owner where it works, since a dead node may list it too; undefined if none.
 * Made once for an act too.
 */
export function workingOwners(map: DiskMapView): (uuid: string) => DiskOwner | undefined {
  return oncePerDisk((uuid) =>
    map.ownersOf(uuid).find(({ node: name, disk }) => {
      const node = map.node(name)
      return node !== undefined && isAtWork(node, disk)
    }),
  )
}

/**
 * True if `lostAfter` decides about some disk: its node is down, or it is not ready. A node that Kubernetes
 * has removed needs no time.
 */
export function someWaitToBeLost(map: Pick<DiskMapView, 'nodes'>): boolean {
  for (const node of map.nodes()) {
    if (isGone(node)) continue
    if (isDown(node) || [...node.status.diskStatus.values()].some(({ notReady }) => notReady)) return true
  }
  return false
}

function oncePerDisk<T>(find: (uuid: string) => T): (uuid: string) => T {
  const found = new Map<string, { readonly value: T }>()
  return (uuid) => {
    let known = found.get(uuid)
    if (!known) found.set(uuid, (known = { value: find(uuid) }))
    return known.value
  }
}

/**
 * The latest time at which the node can have become not ready for this reason. Longhorn's time is that of the
 * status, which stays while the reason changes. Without this, a node under pressure for days would count as
 * lost as soon as its manager restarts.
 */
function heldSince({ since, unchangedSince }: NotReady): number | undefined {
  return since === undefined || unchangedSince === undefined ? since : Math.max(since, unchangedSince)
}

function isLongAgo(
  since: number | undefined,
  { policy, timeOfDay }: Pick<LossCircumstances, 'policy' | 'timeOfDay'>,
): boolean {
  return since !== undefined && timeOfDay - since > policy.lostAfterMs
}

function forSoLong(since: number | undefined, timeOfDay: number): string {
  return since === undefined ? '' : `, for ${lasting(timeOfDay - since)}`
}
