import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isFlagged } from '../../longhorn/node.ts'

/** The nodes that are closed for scheduling or still flagged, or whose disk of this name is. */
export function leftClosed(nodes: readonly string[], disk: string | undefined, map: DiskMapView): string[] {
  return nodes.filter((name) => {
    const node = map.node(name)
    if (node === undefined) return false
    if (disk === undefined) return !node.spec.allowScheduling || isFlagged(node)
    const spec = node.spec.disks.get(disk)
    return spec !== undefined && (!spec.allowScheduling || spec.evictionRequested)
  })
}
