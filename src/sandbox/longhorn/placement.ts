import type { ImageObject } from './image-object.ts'
import type { Disk } from './node-object.ts'
import type { ReplicaObject } from './replica-object.ts'
import type { Snapshot } from './cluster-view.ts'

/**
 * The disks that can take a copy of the image, best first: schedulable, of the tags it asks for, without a copy of it
 * (one whose clean-up is pending counts as one), nodes without a copy first.
 */
export function disksForImage(image: ImageObject, snapshot: Snapshot): Disk[] {
  const holds = (uuid: string) => image.specs.has(uuid) || image.files.has(uuid)
  const usedNodes = nodesOf([...image.specs.keys(), ...image.files.keys()], snapshot)
  return [...snapshot.disks.values()]
    .filter(
      (disk) =>
        isUsable(disk, snapshot) &&
        !holds(disk.uuid) &&
        image.nodeSelector.every((tag) => disk.nodeTags.includes(tag)) &&
        image.diskSelector.every((tag) => disk.tags.includes(tag)),
    )
    .toSorted((a, b) => Number(usedNodes.has(a.node)) - Number(usedNodes.has(b.node)))
}

/**
 * The disks that can take the place of a replica, best first: nodes without a replica of the volume come first, then
 * disks that have its backing image already.
 */
export function disksForReplica(replica: ReplicaObject, snapshot: Snapshot): Disk[] {
  const siblings = snapshot.replicas.filter((other) => other.volumeName === replica.volumeName)
  const usedNodes = new Set(siblings.map((sibling) => sibling.nodeID))
  const usedDisks = new Set(siblings.map((sibling) => sibling.diskID))
  const image = snapshot.images.get(replica.backingImage)
  const cost = (disk: Disk) =>
    Number(usedNodes.has(disk.node)) * 2 + Number(image?.specs.has(disk.uuid) === false)
  return [...snapshot.disks.values()]
    .filter((disk) => isUsable(disk, snapshot) && !usedDisks.has(disk.uuid))
    .toSorted((a, b) => cost(a) - cost(b))
}

function isUsable(disk: Disk, snapshot: Snapshot): boolean {
  return disk.schedulable && disk.diskType !== 'block' && snapshot.runningDisks.has(disk.uuid)
}

function nodesOf(uuids: readonly string[], snapshot: Snapshot): ReadonlySet<string | undefined> {
  return new Set(uuids.map((uuid) => snapshot.disks.get(uuid)?.node))
}
