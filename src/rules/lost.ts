import type { DiskMapView, DiskOwner } from '../disk-map/disk-map-view.ts'
import type { Node, NotReady } from '../longhorn/node.ts'
import type { Policy } from './policy.ts'
import type { Circumstances } from './rule.ts'
import { lasting } from './sentences.ts'

/** Kubernetes has no node of this name any more. Longhorn's own controller then deletes the Longhorn node. */
const gone = 'KubernetesNodeGone'

/**
 * The longhorn-manager of the node does not work (Longhorn controller/node_controller.go, syncNode; `KubernetesNodeDown`
 * is of old releases). Others, such as `KubernetesNodePressure`, are set while it works.
 */
const down: ReadonlySet<string> = new Set([
  'ManagerPodDown',
  'ManagerPodMissing',
  'KubernetesNodeNotReady',
  'KubernetesNodeDown',
])

/** What it depends on whether a disk is lost. */
export type LossCircumstances = Pick<Circumstances, 'map' | 'policy' | 'timeOfDay'>

/** True while no manager works on the node: nobody marks its copies or deletes files there. */
export function isDown({ status: { notReady } }: Node): boolean {
  return notReady !== undefined && (notReady.reason === gone || down.has(notReady.reason))
}

/** True for a node that is up and a disk on it that is not known to be broken. */
export function isAtWork(node: Node, disk: string): boolean {
  return !isDown(node) && node.status.diskStatus.get(disk)?.notReady === undefined
}

/**
 * Why nobody works on the node, as a sentence; undefined if somebody does. How long that has been so is for people.
 */
export function whyDown(node: Node, { timeOfDay }: Pick<Circumstances, 'timeOfDay'>): string | undefined {
  const { notReady } = node.status
  if (!notReady || !isDown(node)) return undefined
  const { name } = node.metadata
  return notReady.reason === gone
    ? `Kubernetes has no node ${name} any more (${gone})`
    : `the longhorn-manager of node ${name} is down${forSoLong(notReady, timeOfDay)} (${notReady.reason})`
}

/**
 * Why a disk counts as lost, as a sentence; undefined if it does not: Kubernetes has let go of its node, or the node's
 * manager has been down, or the disk not ready, for longer than `lostAfter`.
 *
 * The time is the guard's time of day less one that a Longhorn manager wrote down, so clocks that disagree make it wrong.
 * It never decides whether the last usable copy goes: what may go from a lost disk is what has a ready copy elsewhere.
 */
export function whyLost(node: Node, disk: string, circumstances: LossCircumstances): string | undefined {
  const { timeOfDay } = circumstances
  const whole = whyNodeLost(node, circumstances)
  if (whole !== undefined) return whole
  const ofDisk = node.status.diskStatus.get(disk)?.notReady
  if (!ofDisk || !isLongAgo(ofDisk, circumstances)) return undefined
  const reason = ofDisk.reason === '' ? '' : ` (${ofDisk.reason})`
  return `disk ${disk} of node ${node.metadata.name} is not ready${forSoLong(ofDisk, timeOfDay)}${reason}`
}

/** The same of all of a node; of its disks each can be lost by itself besides. */
export function whyNodeLost(
  node: Node,
  circumstances: Pick<LossCircumstances, 'policy' | 'timeOfDay'>,
): string | undefined {
  const { notReady } = node.status
  if (!notReady || !isDown(node)) return undefined
  return notReady.reason === gone || isLongAgo(notReady, circumstances)
    ? whyDown(node, circumstances)
    : undefined
}

/** Says that an eviction on such a node does nothing (Longhorn controller/node_controller.go, syncNode). */
export function doesNothing(node: Node, why: string): string {
  return `the eviction of node ${node.metadata.name} does nothing: ${why}, and only its own manager marks what is to be moved`
}

/** What to do instead. */
export function insteadOfEviction({ metadata: { name } }: Node, { longhornNamespace }: Policy): string {
  return `bring the node back. If it is gone for good, clear the flag and delete the Longhorn node, which is allowed as long as every image has a ready copy elsewhere: kubectl -n ${longhornNamespace} delete nodes.longhorn.io ${name}`
}

/** The same for one of the owners of a disk. */
export function whyOwnerLost(
  { node: name, disk }: DiskOwner,
  circumstances: LossCircumstances,
): string | undefined {
  const node = circumstances.map.node(name)
  return node && whyLost(node, disk, circumstances)
}

/**
 * Tells of the UUID of a disk whether some node has it where it is not lost. Made once for an act: a disk can be on many
 * nodes, or under many names, and is asked about for each of its images.
 */
export function standingDisks(circumstances: LossCircumstances): (uuid: string) => boolean {
  return oncePerDisk((uuid) =>
    circumstances.map.ownersOf(uuid).some((owner) => whyOwnerLost(owner, circumstances) === undefined),
  )
}

/** Tells of the UUID of a disk whether it works on some node that has it. Made once for an act too. */
export function workingDisks(map: DiskMapView): (uuid: string) => boolean {
  return oncePerDisk((uuid) =>
    map.ownersOf(uuid).some(({ node: name, disk }) => {
      const node = map.node(name)
      return node !== undefined && isAtWork(node, disk)
    }),
  )
}

function oncePerDisk(find: (uuid: string) => boolean): (uuid: string) => boolean {
  const found = new Map<string, boolean>()
  return (uuid) => {
    let known = found.get(uuid)
    if (known === undefined) found.set(uuid, (known = find(uuid)))
    return known
  }
}

function isLongAgo(
  { since }: NotReady,
  { policy, timeOfDay }: Pick<LossCircumstances, 'policy' | 'timeOfDay'>,
): boolean {
  return since !== undefined && timeOfDay - since > policy.lostAfterMs
}

function forSoLong({ since }: NotReady, timeOfDay: number): string {
  return since === undefined ? '' : `, for ${lasting(timeOfDay - since)}`
}
