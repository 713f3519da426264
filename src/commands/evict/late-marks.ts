import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import { isDown, type Node } from '../../longhorn/node.ts'
import { profileOf } from '../../longhorn/releases.ts'
import { findTarget, type Target } from './remains.ts'

/**
 * True if the manager of a node may still mark copies of the target for an eviction whose flags are down.
 *
 * @param since the node with the flags down, as it was seen first
 */
export function mayMarkLate(target: Target, map: DiskMapView, since: Node): boolean {
  const node = map.node(target.node)
  // Before 1.7 no copies are marked. A manager that starts reads the node as it is.
  if (!node || profileOf(map.release) === 'none' || isDown(node)) return false
  return !hasNoticed(since, node) && hasCopies(target, map)
}

/**
 * True if the status of the node was written since, by its own manager. Longhorn writes it at the end of a sync, in the
 * version that the sync began with, so that manager has seen the flags down and no sync from before goes on. Other managers
 * write the conditions of the node only (controller/node_controller.go syncNode).
 */
function hasNoticed(since: Node, { metadata, status }: Node): boolean {
  const { ready, schedulable, notReady, writtenAt } = since.status
  return (
    isOlder(since.metadata.resourceVersion, metadata.resourceVersion) &&
    status.writtenAt !== writtenAt &&
    status.ready === ready &&
    status.schedulable === schedulable &&
    status.notReady?.reason === notReady?.reason
  )
}

/** Longhorn finds the copies of a disk in status, and marks them in spec. */
function hasCopies(target: Target, map: DiskMapView): boolean {
  const uuids = [...(findTarget(target, map)?.uuids.values() ?? [])]
  return uuids.some((uuid) => {
    if (uuid === undefined) return false
    for (const { spec, status } of map.imagesOn(uuid))
      if (spec.diskFileSpecMap.has(uuid) && status.diskFileStatusMap.has(uuid)) return true
    return false
  })
}
