import type { DiskSpec, Node } from '../longhorn/node.ts'
import { shortened } from '../text/cut.ts'

/** Longhorn's nodes have a few disks and tags; so many of a node that is created are looked at. */
const most = 64

/**
 * What is looked at of a node that is created. Nothing that is stored proves such a review, and a body of megabytes would
 * take many times as much once it is read.
 *
 * - The API server takes the status out before it asks (longhorn.md §2). A forged review could name
 *   the disks of other nodes there, and hold those up.
 * - So no disk has a UUID yet, and all that are evicted are alike: any of them reserves what all of them would.
 */
export function asCreated(node: Node): Node {
  const { metadata, spec } = node
  const disks = [...spec.disks]
  const flagged = disks.filter(([, { evictionRequested }]) => evictionRequested)
  const others = disks.filter(([, { evictionRequested }]) => !evictionRequested)
  const kept = [...flagged.slice(0, most), ...others].slice(0, most)
  return {
    kind: 'Node',
    metadata,
    spec: {
      ...spec,
      tags: someOf(spec.tags),
      disks: new Map(kept.map(([name, disk]) => [shortened(name), diskAsCreated(disk)])),
    },
    status: { ready: false, notReady: undefined, schedulable: false, diskStatus: new Map() },
  }
}

function diskAsCreated(disk: DiskSpec): DiskSpec {
  return {
    ...disk,
    path: shortened(disk.path),
    diskType: shortened(disk.diskType),
    tags: someOf(disk.tags),
  }
}

function someOf(tags: readonly string[]): string[] {
  return tags.slice(0, most).map((tag) => shortened(tag))
}
