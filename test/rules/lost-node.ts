import { cluster, noon } from '../fixtures/cluster.ts'
import { copy, disk, type RawCopy, type RawNotReady } from '../fixtures/raw-objects.ts'

export const minutesAgo = (count: number) => new Date(noon - count * 60_000).toISOString()

/** Why a node is not ready: Kubernetes removed it, its manager is down for long enough to be lost, or not yet. */
export const gone: RawNotReady = { reason: 'KubernetesNodeGone', since: minutesAgo(0) }
export const longDown: RawNotReady = { reason: 'ManagerPodMissing', since: minutesAgo(11) }
export const justDown: RawNotReady = { reason: 'ManagerPodDown', since: minutesAgo(9) }

/** n1 with d1, which is lost for this reason, and two nodes that are well. */
export const withLost = (notReady: RawNotReady, copies: readonly RawCopy[], release = 'v1.9.2', min = 1) =>
  cluster(release)
    .node('n1', [disk('d1')], { notReady, allowScheduling: false, metadata: { generation: 7 } })
    .node('n2', [disk('d2')])
    .node('n3', [disk('d3')])
    .image('golden', copies, { sourceType: 'upload', minNumberOfCopies: min })

export const lostCopy = copy('d1', 'unknown')
