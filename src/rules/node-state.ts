import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isDown, isFlagged, type Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import { isInDanger } from './disks-at-risk.ts'

/** All that a node can be, the worst first. */
export const nodeStates = ['danger', 'flagged', 'cleaning up', 'down', 'settling', 'ok'] as const

/**
 * The worst state of a node. `danger`: a flag and a clean-up crash its manager. `settling`: a danger ended lately, and
 * Longhorn may not have noticed yet. `down`: no manager works there.
 */
export type NodeState = (typeof nodeStates)[number]

/** The worst that is true of a node. @param settling whether something has ended there that still counts */
export function nodeState(node: Node, map: DiskMapView, profile: Profile, settling: boolean): NodeState {
  if (isInDanger(node, map, profile)) return 'danger'
  if (isFlagged(node)) return 'flagged'
  for (const _ of map.pendingOnNode(node.metadata.name)) return 'cleaning up'
  if (isDown(node)) return 'down'
  return settling ? 'settling' : 'ok'
}
