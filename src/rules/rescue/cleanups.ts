import type { DiskMapView, PendingOnNode } from '../../disk-map/disk-map-view.ts'
import { isDown, isEvicting, isGone, type Node } from '../../longhorn/node.ts'
import type { Profile } from '../../longhorn/releases.ts'
import { looksPruned } from '../eviction-during-cleanup.ts'
import { lasting } from '../sentences.ts'
import { isManagerReady, type SeenPods } from './managers.ts'

/** A clean-up that a rescue waits for. */
export interface AwaitedCleanup extends PendingOnNode {
  /** What keeps Longhorn from ending it, as a sentence; null if nothing is known to. */
  readonly stoppedBy: string | null
}

/** The clean-ups that the flags of this node meet, sorted: on profile B only those of evicted disks (longhorn.md §2). */
export function cleanupsMet(node: Node, map: DiskMapView, profile: Profile): PendingOnNode[] {
  return [...map.pendingOnNode(node.metadata.name)]
    .filter(({ disk }) => profile === 'A' || isEvicting(node, disk))
    .toSorted((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }))
}

function key({ disk, image }: PendingOnNode): string {
  return `${disk} ${image}`
}

/** Says of each what stops it. */
export function awaited(
  cleanups: readonly PendingOnNode[],
  node: Node,
  map: DiskMapView,
  pods: SeenPods,
): AwaitedCleanup[] {
  return cleanups.map((cleanup) => ({ ...cleanup, stoppedBy: whatStops(cleanup, node, map, pods) ?? null }))
}

/** Ages are left out: what is told stays the same while nothing changes. */
function whatStops(
  { disk, diskUUID }: PendingOnNode,
  node: Node,
  map: DiskMapView,
  pods: SeenPods,
): string | undefined {
  const { name } = node.metadata
  const reason = node.status.notReady?.reason ?? ''
  if (isGone(node)) return `Kubernetes has no node ${name} any more`
  if (isDown(node) && !reason.startsWith('ManagerPod')) return `node ${name} is down (${reason})`
  if (!isManagerReady(node, pods)) return `the longhorn-manager of ${name} is not ready yet`
  const broken = node.status.diskStatus.get(disk)?.notReady
  if (broken) return `${disk} is not ready${broken.reason === '' ? '' : ` (${broken.reason})`}`
  const manager = map.managerState(diskUUID)
  if (manager !== undefined && manager !== 'running')
    return `the backing image manager of ${disk} is ${manager === '' ? 'not running' : manager}`
  if (looksPruned(map)) return 'the CRD backingimages.longhorn.io looks out of date'
  return undefined
}

/** `ubuntu-22.04 from disk-1 (for at least 12s)`. Longhorn does not write down when a clean-up begins, so the age is the least. */
export function cleanupInWords({ image, disk, since }: PendingOnNode, now: number): string {
  return `${image} from ${disk} (for at least ${lasting(now - since)})`
}
