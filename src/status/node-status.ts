import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { CopyPhase } from '../longhorn/copies.ts'
import { diskUUID, isFlagged, type Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/profile.ts'
import { isInDanger } from '../rules/in-danger.ts'
import { isDown } from '../rules/lost.ts'
import type { DiskStatus, NodeState, NodeStatus } from './status.ts'

/**
 * What is to be seen of one node.
 *
 * @param settlesAt when Longhorn has noticed what has ended there, in RFC 3339; null if nothing has ended
 */
export function nodeStatus(
  node: Node,
  map: DiskMapView,
  profile: Profile,
  settlesAt: string | null,
): NodeStatus {
  return {
    name: node.metadata.name,
    state: nodeState(node, map, profile, settlesAt !== null),
    settlesAt,
    evictionRequested: node.spec.evictionRequested,
    disks: [...node.spec.disks]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { evictionRequested }]): DiskStatus => {
        const uuid = diskUUID(node, name)
        return {
          name,
          uuid: uuid ?? null,
          evictionRequested,
          copies: copiesOn(uuid, map),
          managerState: uuid === undefined ? null : (map.managerState(uuid) ?? null),
        }
      }),
  }
}

function nodeState(node: Node, map: DiskMapView, profile: Profile, settling: boolean): NodeState {
  if (isInDanger(node, map, profile)) return 'danger'
  if (isFlagged(node)) return 'flagged'
  for (const _ of map.pendingOnNode(node.metadata.name)) return 'cleaning up'
  if (isDown(node)) return 'down'
  return settling ? 'settling' : 'ok'
}

function copiesOn(uuid: string | undefined, map: DiskMapView): Record<CopyPhase, number> {
  const counts: Record<CopyPhase, number> = { planned: 0, present: 0, 'pending cleanup': 0 }
  if (uuid === undefined) return counts
  for (const { metadata } of map.imagesOn(uuid)) {
    for (const copy of map.copiesOf(metadata.name)) if (copy.diskUUID === uuid) counts[copy.phase] += 1
  }
  return counts
}
