import type { DiskMapView } from '../disk-map/disk-map-view.ts'

/** With fewer images than this, all of them pending at once can well be what somebody asked for. */
const fewestImages = 4

/**
 * True if most images have a clean-up pending at once. A CRD left at an old version prunes `diskFileSpecMap`, and
 * then every copy is gone from spec (longhorn.md §2): one message about the CRD, not one for each disk.
 */
export function looksPruned(map: DiskMapView): boolean {
  return map.imageCount >= fewestImages && map.pendingImageCount * 2 > map.imageCount
}
