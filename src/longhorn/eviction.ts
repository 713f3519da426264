import type { Node } from './node.ts'

/** `gate(N)` of longhorn.md §2: any eviction flag is up, the node's own or a disk's. */
export function isFlagged(node: Node): boolean {
  return node.spec.evictionRequested || [...node.spec.disks.values()].some((disk) => disk.evictionRequested)
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
