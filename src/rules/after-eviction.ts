import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { diskUUID, isEvicting } from '../longhorn/eviction.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Node } from '../longhorn/node.ts'
import type { Eviction } from './acts.ts'

/** A copy that an eviction is about: an image on a disk that is evicted from now on. */
export interface EvictedCopy {
  readonly image: BackingImage
  readonly node: string
  readonly disk: string
  readonly diskUUID: string
}

/**
 * The copies in spec or in status on the disks that are evicted from now on. An image on its way out loses them all
 * anyway.
 */
export function* evictedCopies({ node, evicting }: Eviction, map: DiskMapView): Iterable<EvictedCopy> {
  for (const disk of evicting) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined) continue
    for (const image of map.imagesOn(uuid)) {
      if (!image.metadata.terminating) yield { image, node: node.metadata.name, disk, diskUUID: uuid }
    }
  }
}

/** All nodes as they are once the eviction is requested. */
export function* nodesAfter({ node }: Eviction, map: DiskMapView): Iterable<Node> {
  for (const other of map.nodes()) if (other.metadata.name !== node.metadata.name) yield other
  yield node
}

/** True if the disk is being emptied once the eviction is requested. */
export function isEvictingAfter(uuid: string, { node }: Eviction, map: DiskMapView): boolean {
  for (const disk of node.spec.disks.keys()) {
    if (diskUUID(node, disk) === uuid && isEvicting(node, disk)) return true
  }
  return map.ownersOf(uuid).some((owner) => {
    const other = owner.node === node.metadata.name ? undefined : map.node(owner.node)
    return other !== undefined && isEvicting(other, owner.disk)
  })
}
