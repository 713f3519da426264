import type { Node } from './node.ts'

/** `gate(N)` of longhorn.md §2: any eviction flag is up, the node's own or a disk's. */
export function isFlagged(node: Node): boolean {
  let known = flagged.get(node)
  if (known === undefined) flagged.set(node, (known = hasFlag(node)))
  return known
}

/** Found out once for each node as it is: rules ask for each copy on it, and it can have thousands of disks. */
const flagged = new WeakMap<Node, boolean>()

function hasFlag({ spec }: Node): boolean {
  if (spec.evictionRequested) return true
  for (const disk of spec.disks.values()) if (disk.evictionRequested) return true
  return false
}

/** `want(N,d)` of longhorn.md §2: this disk is to be emptied, by its own flag or by the node's. */
export function isEvicting(node: Node, diskName: string): boolean {
  const disk = node.spec.disks.get(diskName)
  return disk !== undefined && (node.spec.evictionRequested || disk.evictionRequested)
}

/** `uuid(N,d)` of longhorn.md §2: undefined for a disk that is not in spec or that has not been synced yet. */
export function diskUUID(node: Node, diskName: string): string | undefined {
  return node.spec.disks.has(diskName) ? node.status.diskStatus.get(diskName)?.diskUUID : undefined
}
