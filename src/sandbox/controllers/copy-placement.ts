import { settingNames } from '../../longhorn/setting.ts'
import { flag, type JsonObject } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { type Disk, type ImageObject, newCopy, type ReplicaObject } from './objects.ts'

/** States that Longhorn does not count when it decides whether it needs another copy. */
const lost = new Set(['failed', 'failed-and-cleanup', 'unknown'])

/**
 * The `spec.diskFileSpecMap` that the image's controller wants: one more copy if there are too few, without
 * the evicted ones. Both come in **one** write, so a denial of the removal denies the new copy too.
 *
 * @param keepsCopiesInUse whether eviction spares a copy that a replica uses; releases before profile C do
 * not (longhorn.md §4, copy-in-use)
 */
export function wantedSpecs(
  image: ImageObject,
  snapshot: Snapshot,
  keepsCopiesInUse: boolean,
): ReadonlyMap<string, JsonObject> {
  const specs = new Map(image.specs)
  replenish(image, snapshot, specs)
  removeEvicted(image, specs, (uuid) => keepsCopiesInUse && isInUse(image, uuid, snapshot))
  return specs
}

/**
 * Copies that one node may receive at a time; with 0 Longhorn does not replenish. Longhorn's own default is
 * 5.
 */
export function replenishLimit(snapshot: Snapshot): number {
  return Number(snapshot.settings.get(settingNames.replenishLimit) ?? 5)
}

/** True when a replica on that disk needs the copy. */
export function isInUse(image: ImageObject, diskUUID: string, snapshot: Snapshot): boolean {
  return snapshot.replicas.some(
    (replica) => replica.backingImage === image.name && replica.diskID === diskUUID && !replica.terminating,
  )
}

/** Adds one copy if fewer than `minNumberOfCopies` stay, and one of them can be copied. */
function replenish(image: ImageObject, snapshot: Snapshot, specs: Map<string, JsonObject>): void {
  if (!snapshot.dataSources.get(image.name)?.fileTransferred) return
  if (replenishLimit(snapshot) === 0) return
  // A planned copy has no status yet and counts. Otherwise each sync would add one more.
  const standing = [...specs.keys()].filter((uuid) => !lost.has(image.files.get(uuid)?.state ?? ''))
  if (standing.length === 0) return
  const evicting = [...specs.values()].filter((copy) => flag(copy.evictionRequested))
  if (standing.length - evicting.length >= image.minNumberOfCopies) return
  const target = disksForImage(image, snapshot)[0]
  if (target) specs.set(target.uuid, newCopy)
}

/**
 * The normal end of every eviction (longhorn.md §2 o4). One ready copy elsewhere is enough to remove all evicting
 * ones; if only evicting copies are ready, one of them stays as the source; if none is ready, all go (longhorn.md §4).
 */
function removeEvicted(
  image: ImageObject,
  specs: Map<string, JsonObject>,
  isSpared: (uuid: string) => boolean,
): void {
  const ready = [...specs].filter(([uuid]) => image.files.get(uuid)?.state === 'ready')
  const healthyElsewhere = ready.some(([, copy]) => !flag(copy.evictionRequested))
  const source = healthyElsewhere ? undefined : ready[0]?.[0]
  for (const [uuid, copy] of [...specs]) {
    if (flag(copy.evictionRequested) && uuid !== source && !isSpared(uuid)) specs.delete(uuid)
  }
}

/**
 * How many copies each node receives at a time: the setting
 * `concurrent-backing-image-replenish-per-node-limit`. Kept in memory, since the tasks of images run side by
 * side and do not see each other's new copies.
 */
export class CopySlots {
  /** The copies in progress, by image and disk UUID, with their node. */
  readonly #taken = new Map<string, Map<string, string>>()

  /** Begins or continues a copy. @returns false if the node receives its maximum */
  take(image: string, diskUUID: string, node: string, limit: number): boolean {
    const taken = this.#taken.get(image) ?? new Map<string, string>()
    if (!taken.has(diskUUID) && this.#count(node) >= limit) return false
    this.#taken.set(image, taken.set(diskUUID, node))
    return true
  }

  /** Frees the slots of an image's copies that are no longer in progress. */
  keepOnly(image: string, isUnderWay: (diskUUID: string) => boolean): void {
    const taken = [...(this.#taken.get(image) ?? [])].filter(([diskUUID]) => isUnderWay(diskUUID))
    if (taken.length > 0) this.#taken.set(image, new Map(taken))
    else this.#taken.delete(image)
  }

  #count(node: string): number {
    return [...this.#taken.values()]
      .flatMap((copies) => [...copies.values()])
      .filter((other) => other === node).length
  }
}

/**
 * The disks that can take a copy of the image, best first. They are schedulable, have the tags it asks for,
 * and have no copy of it (a pending clean-up counts as one). Nodes without a copy come first.
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
 * The disks for a replacement replica, best first: nodes without a replica of the volume, then disks that
 * already have its backing image.
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
