import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Node } from '../longhorn/node.ts'

/**
 * Tells of an image whether Longhorn may put a new copy of it on a disk of these nodes: one that fits and has none. Looks
 * through the nodes once for all images that ask for the same.
 */
export function takers(nodes: () => Iterable<Node>): (image: BackingImage) => boolean {
  const fitting = new Map<string, ReadonlySet<string>>()
  return (image) => {
    const { dataEngine, nodeSelector, diskSelector, diskFileSpecMap } = image.spec
    const asked = JSON.stringify([dataEngine, nodeSelector, diskSelector])
    let fit = fitting.get(asked)
    if (!fit) fitting.set(asked, (fit = allThatFit(nodes(), image)))
    for (const uuid of fit) if (!diskFileSpecMap.has(uuid)) return true
    return false
  }
}

function allThatFit(nodes: Iterable<Node>, image: BackingImage): ReadonlySet<string> {
  const uuids = new Set<string>()
  for (const node of nodes) for (const uuid of disksThatFit(node, image)) uuids.add(uuid)
  return uuids
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
  if (wanted.length === 0) return true
  const had = new Set(tags)
  return wanted.every((tag) => had.has(tag))
}
