import type { DiskMapView } from './disk-map-view.ts'

/**
 * True if there is a Longhorn where the map looks: a node of it, or its Setting `current-longhorn-version`. Without both
 * the namespace is most likely not the one that Longhorn runs in.
 */
export function hasLonghorn(map: Pick<DiskMapView, 'release' | 'nodes'>): boolean {
  if (map.release !== undefined) return true
  for (const _ of map.nodes()) return true
  return false
}

/** Says that there is none, as a sentence. */
export function noLonghornIn(namespace: string): string {
  return `There is no Longhorn in namespace ${namespace}: no node, and no setting current-longhorn-version.`
}

/** What to do about it. */
export const findLonghorn =
  'Name its namespace with --longhorn-namespace (longhornNamespace in the chart). Look: kubectl get nodes.longhorn.io --all-namespaces'
