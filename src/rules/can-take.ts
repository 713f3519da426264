import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Node } from '../longhorn/node.ts'

/** The UUIDs of the disks of a node on which Longhorn may put a new copy of an image: those that fit and have none. */
export function* disksThatCanTake(node: Node, image: BackingImage): Iterable<string> {
  for (const uuid of disksThatFit(node, image)) if (!image.spec.diskFileSpecMap.has(uuid)) yield uuid
}

/**
 * The UUIDs of the disks of a node that fit an image, with a copy of it or without: ready, schedulable, of the right
 * type and tags (longhorn.md §4, no-eviction-target).
 */
export function* disksThatFit({ spec, status }: Node, image: BackingImage): Iterable<string> {
  if (!spec.allowScheduling || !status.ready || !status.schedulable || spec.evictionRequested) return
  if (!includesAll(spec.tags, image.spec.nodeSelector)) return
  const wantedType = image.spec.dataEngine === 'v2' ? 'block' : 'filesystem'
  for (const [name, disk] of spec.disks) {
    const state = status.diskStatus.get(name)
    if (!state?.ready || !state.schedulable || state.diskUUID === undefined) continue
    if (!disk.allowScheduling || disk.evictionRequested) continue
    // Older objects have no type: there were only file systems then.
    if ((disk.diskType === '' ? 'filesystem' : disk.diskType) !== wantedType) continue
    if (includesAll(disk.tags, image.spec.diskSelector)) yield state.diskUUID
  }
}

function includesAll(tags: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((tag) => tags.includes(tag))
}
