import type { Node } from './node.ts'

/** Kubernetes has no node of this name any more. Longhorn's own controller then deletes the Longhorn node. */
export const nodeGone = 'KubernetesNodeGone'

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

/** True while no manager works on the node: nobody marks its copies or deletes files there. */
export function isDown({ status: { notReady } }: Node): boolean {
  return notReady !== undefined && (notReady.reason === nodeGone || down.has(notReady.reason))
}

/** True for a node that Kubernetes has let go of: nothing runs there. While only its manager is down, replicas may. */
export function isGone({ status: { notReady } }: Node): boolean {
  return notReady?.reason === nodeGone
}

/** True for a node that is up and stays, and a disk on it that is not known to be broken. */
export function isAtWork(node: Node, disk: string): boolean {
  if (isDown(node) || node.metadata.terminating) return false
  return node.status.diskStatus.get(disk)?.notReady === undefined
}
