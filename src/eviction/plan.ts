import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { PlannedImage } from './planned-image.ts'

/** Nodes that can be evicted at the same time. */
export interface Batch {
  readonly nodes: readonly string[]
  /** The images of which a copy goes, or may have come meanwhile and then goes. */
  readonly images: readonly string[]
}

/** In which order nodes can be evicted with every image keeping its copies, or why there is none. */
export type EvictionPlan =
  | { readonly possible: true; readonly closeFirst: readonly string[]; readonly batches: readonly Batch[] }
  | { readonly possible: false; readonly problems: readonly string[] }

/** How nodes are to be evicted. */
export interface PlanOptions {
  /** True if the nodes of a batch are in service again before the next one begins. */
  readonly reopen: boolean
  /** At most so many nodes at the same time. */
  readonly batchSize: number
}

/**
 * Plans the eviction of nodes. Longhorn chooses where a replacement goes and nobody can tell it, so a plan holds
 * wherever that is: either the nodes are closed for scheduling before the first batch, and nothing moves twice, or they
 * are opened again, and a copy may have moved to any of them.
 *
 * No two nodes of a batch have the last copies of an image between them, and after each batch there is room for as many
 * copies as there have to be.
 */
export function planEvictions(
  asked: readonly string[],
  map: DiskMapView,
  { reopen, batchSize }: PlanOptions,
): EvictionPlan {
  const planned = new Set(asked)
  const images = imagesOnNodes(asked, map).map((name) => new PlannedImage(name, planned, map, reopen))
  const whyNot: WhyNot = (batch, evicted) => images.flatMap((image) => image.whyNot(batch, evicted) ?? [])
  const order = orderOf(planned, whyNot)
  if (!order.possible) return order
  const batches: Batch[] = []
  const evicted = new Set<string>()
  let remaining = order.nodes
  while (remaining.length > 0) {
    const nodes: string[] = []
    for (const node of remaining) {
      if (nodes.length === batchSize) break
      if (whyNot([...nodes, node], evicted).length === 0) nodes.push(node)
      // Of nodes that are opened again the order counts.
      else if (reopen) break
    }
    const moving = images.filter((image) => image.mayBeOn(nodes, evicted).length > 0)
    batches.push({ nodes, images: moving.map(({ name }) => name) })
    for (const node of nodes) evicted.add(node)
    remaining = remaining.filter((node) => !evicted.has(node))
  }
  return { possible: true, closeFirst: reopen ? [] : [...planned], batches }
}

type WhyNot = (batch: readonly string[], evicted: ReadonlySet<string>) => readonly string[]

/**
 * An order in which each node can be evicted by itself. It is found from its end: who can be evicted after all others
 * can be last, since the fewer have been evicted before, the more room there is for the others.
 */
function orderOf(
  planned: ReadonlySet<string>,
  whyNot: WhyNot,
): { possible: true; nodes: string[] } | { possible: false; problems: string[] } {
  const before = [...planned]
  const nodes: string[] = []
  while (before.length > 0) {
    const problems = new Set<string>()
    const last = before.findLastIndex((node) => {
      const why = whyNot([node], new Set(before.filter((other) => other !== node)))
      for (const each of why) problems.add(each)
      return why.length === 0
    })
    if (last < 0) return { possible: false, problems: [...problems] }
    nodes.unshift(...before.splice(last, 1))
  }
  return { possible: true, nodes }
}

/** An image on its way out keeps no copy anyway. */
function imagesOnNodes(nodes: readonly string[], map: DiskMapView): string[] {
  const names = new Set<string>()
  for (const name of nodes) {
    for (const status of map.node(name)?.status.diskStatus.values() ?? []) {
      if (status.diskUUID === undefined) continue
      for (const { metadata } of map.imagesOn(status.diskUUID)) {
        if (!metadata.terminating) names.add(metadata.name)
      }
    }
  }
  return [...names].toSorted()
}
