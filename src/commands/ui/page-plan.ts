import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { PlanEvictions } from '../../page/what-if.ts'
import { planEvictions } from '../evict/plan.ts'

/** Planning looks at each image of the nodes on each node of the cluster, which takes some microseconds each. */
const looksOfGuard = 50_000

/** A person's own process decides nothing meanwhile. */
const looksOfPerson = 250_000

/** Plans for the page of a guard, as `holdfast plan` does without flags, but no longer than a decision can wait. */
export const pagePlan = planWithin(looksOfGuard)

/** Plans for the page of `holdfast ui`. */
export const ownPagePlan = planWithin(looksOfPerson)

/** Plans unless it takes more looks than these. */
export function planWithin(mostLooks: number): PlanEvictions {
  return (nodes, map) =>
    imagesOn(nodes, map) * [...map.nodes()].length > mostLooks
      ? { possible: false, tooMuch: true, problems: [] }
      : planEvictions(nodes, map, { reopen: false, batchSize: Infinity })
}

function imagesOn(nodes: readonly string[], map: DiskMapView): number {
  const names = new Set<string>()
  for (const name of nodes)
    for (const { diskUUID } of map.node(name)?.status.diskStatus.values() ?? [])
      if (diskUUID !== undefined) for (const { metadata } of map.imagesOn(diskUUID)) names.add(metadata.name)
  return names.size
}
