import type { JsonObject } from '../json.ts'
import type { ImageObject } from './image-object.ts'

/**
 * The `spec.diskFileSpecMap` without the copies on these disks that nothing has used for long enough, as the node's
 * automatic clean-up wants it (longhorn.md §2 o3). Ready copies are kept up to `minNumberOfCopies`; if those are too
 * few, copies on their way are kept too, then failed ones.
 *
 * @param diskUUIDs the disks of the node that cleans up
 * @param unusedBefore milliseconds since 1970: a copy unused since before then may go
 */
export function withoutUnused(
  image: ImageObject,
  diskUUIDs: readonly string[],
  unusedBefore: number,
): ReadonlyMap<string, JsonObject> {
  const specs = new Map(image.specs)
  const counts = { ready: 0, handled: 0, failed: 0 }
  for (const uuid of specs.keys()) counts[standing(image, uuid)]++
  for (const uuid of diskUUIDs) {
    const since = image.unusedSince.get(uuid)
    if (!specs.has(uuid) || since === undefined || !(Date.parse(since) < unusedBefore)) continue
    const kind = standing(image, uuid)
    const enough = {
      ready: counts.ready,
      handled: counts.ready + counts.handled,
      failed: counts.ready + counts.handled + counts.failed,
    }
    if (image.minNumberOfCopies >= enough[kind]) continue
    counts[kind]--
    specs.delete(uuid)
  }
  return specs
}

function standing(image: ImageObject, uuid: string): 'ready' | 'handled' | 'failed' {
  const state = image.files.get(uuid)?.state
  if (state === 'ready' || state === 'ready-for-transfer') return 'ready'
  return state === 'failed' ? 'failed' : 'handled'
}
