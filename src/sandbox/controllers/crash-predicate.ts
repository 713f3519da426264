import type { Profile } from '../../longhorn/releases.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { entries, flag, object, text } from '../json.ts'

/**
 * The missing entry that a manager runs into: a copy of `image` on `disk` that is in status and no longer in
 * spec.
 */
export interface NilDereference {
  readonly image: string
  /** The disk's name on its node. */
  readonly disk: string
  readonly diskUUID: string
}

/**
 * Whether the node's manager crashes at its next full sync, straight from the table of longhorn.md §2. It
 * reads the raw objects and shares no code with the rules, since the tests compare the rules with it.
 *
 * @param node a `nodes.longhorn.io` object
 * @param images all `backingimages.longhorn.io` objects
 * @returns the first missing entry that the manager runs into, or undefined if it does not crash
 */
export function crashes(
  profile: Profile,
  node: ClusterObject,
  images: readonly ClusterObject[],
): NilDereference | undefined {
  switch (profile) {
    case 'A':
      return pendingOn(node, images, () => true)
    case 'B':
      return pendingOn(node, images, (wanted) => wanted)
    case 'C':
    case 'none':
      return undefined
  }
}

/**
 * The case that profile C survives: a pending clean-up on a disk that is evicted. The manager logs it and
 * requeues the node (longhorn.md §2).
 */
export function requeues(
  profile: Profile,
  node: ClusterObject,
  images: readonly ClusterObject[],
): NilDereference | undefined {
  return profile === 'C' ? pendingOn(node, images, (wanted) => wanted) : undefined
}

function pendingOn(
  node: ClusterObject,
  images: readonly ClusterObject[],
  looksAt: (wanted: boolean) => boolean,
): NilDereference | undefined {
  const spec = object(node.spec)
  const disks = entries(spec.disks)
  const diskStatus = entries(object(node.status).diskStatus)
  const wholeNode = flag(spec.evictionRequested)
  // gate(N): without a flag on the node the crashing code does not run.
  if (!wholeNode && ![...disks.values()].some((disk) => flag(disk.evictionRequested))) return undefined
  for (const [disk, diskSpec] of disks) {
    if (!looksAt(wholeNode || flag(diskSpec.evictionRequested))) continue
    const diskUUID = text(diskStatus.get(disk)?.diskUUID)
    if (diskUUID === '') continue
    const image = images.find((candidate) => isPending(candidate, diskUUID))
    if (image) return { image: image.metadata.name, disk, diskUUID }
  }
  return undefined
}

/** pending(B): in status and not in spec. */
function isPending(image: ClusterObject, diskUUID: string): boolean {
  const inStatus = Object.hasOwn(object(object(image.status).diskFileStatusMap), diskUUID)
  const inSpec = Object.hasOwn(object(object(image.spec).diskFileSpecMap), diskUUID)
  return inStatus && !inSpec
}
