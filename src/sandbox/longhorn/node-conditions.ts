import { timestamp } from '../../time/clock.ts'
import { list, object, type JsonObject } from '../json.ts'

/** Why a node is not ready, in Longhorn's words. */
export type NotReady = 'ManagerPodDown' | 'KubernetesNodeNotReady' | 'KubernetesNodeGone'

/** The conditions of a node. */
export function nodeConditions(
  before: unknown,
  node: string,
  notReady: NotReady | undefined,
  now: number,
): JsonObject[] {
  const ready = notReady ? whyNotReady[notReady](node) : `Node ${node} is ready`
  return [
    condition(
      before,
      { type: 'Ready', status: notReady ? 'False' : 'True', reason: notReady ?? '', message: ready },
      now,
    ),
    condition(before, { type: 'Schedulable', status: 'True', reason: '', message: '' }, now),
  ]
}

/** The conditions of a disk that works. */
export function diskConditions(
  before: unknown,
  disk: string,
  path: string,
  node: string,
  now: number,
): JsonObject[] {
  const message = `Disk ${disk}(${path}) on node ${node} is ready`
  return [
    condition(before, { type: 'Ready', status: 'True', reason: '', message }, now),
    condition(before, { type: 'Schedulable', status: 'True', reason: '', message: '' }, now),
  ]
}

const whyNotReady: Readonly<Record<NotReady, (node: string) => string>> = {
  ManagerPodDown: (node) => `Node ${node} is down: manager pod longhorn-manager-${node} is not running`,
  KubernetesNodeNotReady: (node) => `Kubernetes node ${node} not ready: NodeStatusUnknown`,
  KubernetesNodeGone: (node) => `Kubernetes node missing: node ${node} has been removed from the cluster`,
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** Keeps the time of the last transition while the status stays. */
function condition(before: unknown, next: Condition, now: number): JsonObject {
  const old = list(before)
    .map(object)
    .find((candidate) => candidate.type === next.type)
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : timestamp(now)
  return { ...next, lastProbeTime: '', lastTransitionTime }
}
