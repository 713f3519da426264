import { createHash } from 'node:crypto'

/**
 * Gives a disk its UUID. On a real disk it stands in `longhorn-disk.cfg` on the disk itself, so a disk that is removed
 * and added again keeps it: the same node and path must give the same UUID (longhorn.md §2 o7).
 */
export type DiskUUIDs = (node: string, path: string) => string

/** A UUID made from node and path alone, so that every run of the sandbox has the same ones. */
export const diskUUIDFromPath: DiskUUIDs = (node, path) => {
  const hex = createHash('sha256').update(`${node}:${path}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
