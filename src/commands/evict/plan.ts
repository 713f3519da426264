import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { FittingDisks } from './fitting-disks.ts'
import { PlannedImage, type Planning } from './planned-image.ts'

/** Nodes that can be evicted at the same time. */
interface Batch {
  readonly nodes: readonly string[]
  /** The images that lose a copy here, including copies that may have come meanwhile. */
  readonly images: readonly string[]
}

/** An order for the eviction of nodes in which every image keeps its copies, or why there is none. */
export type EvictionPlan =
  | { readonly possible: true; readonly closeFirst: readonly string[]; readonly batches: readonly Batch[] }
  | { readonly possible: false; readonly problems: readonly string[] }

/** Options of a plan. */
interface PlanOptions {
  /** True if the nodes of a batch are in service again before the next batch begins. */
  readonly reopen: boolean
  /** At most so many nodes at the same time. */
  readonly batchSize: number
}

/**
 * Plans the eviction of nodes. Only Longhorn chooses the disk of a replacement, so a plan holds for every
 * choice. Either the nodes are closed for scheduling before the first batch, and nothing moves twice. Or they
 * are opened again, and a copy may have moved to any of them.
 *
 * No two nodes of a batch hold the last copies of an image between them, and after each batch the required
 * number of copies has room.
 */
export function planEvictions(
  asked: readonly string[],
  map: DiskMapView,
  { reopen, batchSize }: PlanOptions,
): EvictionPlan {
  const planned = new Set(asked)
  const planning = { map, planned, reopen, fitting: new FittingDisks(map) }
  const images = imagesOnNodes(asked, map).map((name) => new PlannedImage(name, planning))
  const concerned = concernedBy(images, reopen)
  const whyNot: WhyNot = (node, beside, evicted) => {
    const batch = new Set([...beside, node])
    return concerned(node).flatMap((image) => image.whyNot(batch, evicted) ?? [])
  }
  const order = orderOf(planned, whyNot)
  if (!order.possible) return order
  const batches: Batch[] = []
  const evicted = new Set<string>()
  let remaining = order.nodes
  while (remaining.length > 0) {
    const nodes: string[] = []
    for (const node of remaining) {
      if (nodes.length === batchSize) break
      if (whyNot(node, nodes, evicted).length === 0) nodes.push(node)
      // For nodes that are opened again the order counts.
      else if (reopen) break
    }
    const batch = new Set(nodes)
    const moving = images.filter((image) => image.mayBeOn(batch, evicted))
    batches.push({ nodes, images: moving.map(({ name }) => name) })
    for (const node of nodes) evicted.add(node)
    remaining = remaining.filter((node) => !evicted.has(node))
  }
  return { possible: true, closeFirst: reopen ? [] : [...planned], batches }
}

/**
 * The images that may forbid a node beside others that may go together. While all nodes of the plan are closed, a node without
 * a copy changes nothing for an image; nodes that are opened again take room from every one.
 */
function concernedBy(
  images: readonly PlannedImage[],
  reopen: boolean,
): (node: string) => readonly PlannedImage[] {
  if (reopen) return () => images
  const onNode = new Map<string, PlannedImage[]>()
  for (const image of images) {
    for (const node of image.homes) {
      const those = onNode.get(node)
      if (those === undefined) onNode.set(node, [image])
      else those.push(image)
    }
  }
  return (node) => onNode.get(node) ?? []
}

/** Why nodes of a plan cannot be evicted together now, while all of them are closed for scheduling; none if they can. */
export function judgeTogether(
  planned: readonly string[],
  map: DiskMapView,
): (nodes: readonly string[]) => readonly string[] {
  const planning: Planning = { map, planned: new Set(planned), reopen: false, fitting: new FittingDisks(map) }
  const images = new Map<string, PlannedImage>()
  const imageOf = (name: string): PlannedImage => {
    const image = images.get(name) ?? new PlannedImage(name, planning)
    images.set(name, image)
    return image
  }
  return (nodes) => {
    const batch = new Set(nodes)
    return imagesOnNodes(nodes, map).flatMap((name) => imageOf(name).whyNot(batch, noNodes) ?? [])
  }
}

const noNodes: ReadonlySet<string> = new Set()

/** Why a node cannot be evicted beside others that can go together, after others were evicted. */
type WhyNot = (node: string, beside: readonly string[], evicted: ReadonlySet<string>) => readonly string[]

/**
 * An order in which each node can be evicted separately, found from its end. A node that can be evicted after
 * all others can be last: the fewer nodes were evicted before, the more room the others have.
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
      const why = whyNot(node, [], new Set(before.filter((other) => other !== node)))
      for (const each of why) problems.add(each)
      return why.length === 0
    })
    if (last < 0) return { possible: false, problems: [...problems] }
    nodes.unshift(...before.splice(last, 1))
  }
  return { possible: true, nodes }
}

/** An image that is being deleted keeps no copy anyway. */
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
