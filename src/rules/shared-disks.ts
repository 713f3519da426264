import type { DiskMapView, DiskOwner } from '../disk-map/disk-map-view.ts'
import { diskUUID } from '../longhorn/node.ts'

/** One UUID that several nodes show at the same time. */
export interface SharedDisk {
  readonly diskUUID: string
  /** On at least two nodes. */
  readonly owners: readonly DiskOwner[]
}

/**
 * The disks whose UUID several nodes show: machines that were cloned with their disks, or for a moment a disk that moves.
 * To Longhorn they are one disk, and a copy on it is on one of them only.
 */
export function* sharedDisks(map: DiskMapView): Iterable<SharedDisk> {
  const seen = new Set<string>()
  for (const node of map.nodes()) {
    for (const disk of node.spec.disks.keys()) {
      const uuid = diskUUID(node, disk)
      if (uuid === undefined || seen.has(uuid)) continue
      seen.add(uuid)
      const owners = map.ownersOf(uuid)
      if (new Set(owners.map((owner) => owner.node)).size > 1) yield { diskUUID: uuid, owners }
    }
  }
}
