import { settingNames } from '../../longhorn/setting.ts'
import { flag, type JsonObject } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { newCopy, type ImageObject } from './image-object.ts'
import { disksForImage } from './placement.ts'

/** States that do not count as a copy when Longhorn decides whether it needs another. */
const lost = new Set(['failed', 'failed-and-cleanup', 'unknown'])

/**
 * The `spec.diskFileSpecMap` that the image's controller wants: one more copy if there are too few, without those
 * that are evicted. Both come in **one** write, so who refuses the removal refuses the new copy too.
 *
 * @param keepsCopiesInUse whether eviction spares a copy that a replica uses; before the releases of profile C it
 *   does not (longhorn.md §4, copy-in-use)
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

/** Copies that one node may receive at a time; 0: none is made to have more. Longhorn's own default is 5. */
export function replenishLimit(snapshot: Snapshot): number {
  return Number(snapshot.settings.get(settingNames.replenishLimit) ?? 5)
}

/** True when a replica on that disk needs the copy. */
export function isInUse(image: ImageObject, diskUUID: string, snapshot: Snapshot): boolean {
  return snapshot.replicas.some(
    (replica) => replica.backingImage === image.name && replica.diskID === diskUUID && !replica.terminating,
  )
}

/** Adds one copy when those that stay are fewer than `minNumberOfCopies`, and one that can be copied is left. */
function replenish(image: ImageObject, snapshot: Snapshot, specs: Map<string, JsonObject>): void {
  if (!snapshot.dataSources.get(image.name)?.fileTransferred) return
  if (replenishLimit(snapshot) === 0) return
  // A planned copy has no status yet and counts: otherwise each sync would add one more.
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
