import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { diskUUID, isEvicting, type Node } from '../longhorn/node.ts'
import type { Eviction } from './acts.ts'

/** A copy that an eviction is about: an image on a disk that is evicted from now on. */
export interface EvictedCopy {
  readonly image: BackingImage
  readonly node: string
  readonly disk: string
  readonly diskUUID: string
}

/**
 * The copies in spec or in status on the disks that are evicted from now on, each once, whatever status calls the disk.
 * An image on its way out loses them all anyway.
 */
export function* evictedCopies({ node, evicting }: Eviction, map: DiskMapView): Iterable<EvictedCopy> {
  const seen = new Set<string>()
  for (const disk of evicting) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined || seen.has(uuid)) continue
    seen.add(uuid)
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

/**
 * Tells of the UUID of a disk whether it is being emptied once the eviction is requested. Made once for an act, since a
 * node can have thousands of disks, and an image as many copies.
 */
export function evictedAfter({ node }: Eviction, map: DiskMapView): (uuid: string) => boolean {
  const own = new Set<string>()
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid !== undefined && isEvicting(node, disk)) own.add(uuid)
  }
  const elsewhere = new Map<string, boolean>()
  return (uuid) => {
    if (own.has(uuid)) return true
    let known = elsewhere.get(uuid)
    if (known === undefined) {
      known = map.ownersOf(uuid).some((owner) => {
        const other = owner.node === node.metadata.name ? undefined : map.node(owner.node)
        return other !== undefined && isEvicting(other, owner.disk)
      })
      elsewhere.set(uuid, known)
    }
    return known
  }
}

/** Finds out once for each image what an eviction of many disks asks again for each of its copies. */
export function oncePerImage<T>(find: (image: BackingImage) => T): (image: BackingImage) => T {
  const found = new Map<BackingImage, { readonly value: T }>()
  return (image) => {
    let known = found.get(image)
    if (!known) found.set(image, (known = { value: find(image) }))
    return known.value
  }
}
