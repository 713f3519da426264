import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isReady, isReadySoon } from '../../longhorn/copies.ts'
import { isAtWork, isEvicting } from '../../longhorn/node.ts'
import { isWorthless } from '../../rules/copies-left.ts'
import { disksThatFit } from '../../rules/evictions-under-way.ts'

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
      // For nodes that are opened again the order counts.
      else if (reopen) break
    }
    const moving = images.filter((image) => image.mayBeOn(nodes, evicted).length > 0)
    batches.push({ nodes, images: moving.map(({ name }) => name) })
    for (const node of nodes) evicted.add(node)
    remaining = remaining.filter((node) => !evicted.has(node))
  }
  return { possible: true, closeFirst: reopen ? [] : [...planned], batches }
}

/** Why these nodes cannot be evicted together now, while all that are planned are closed for scheduling; none if they can. */
export function whyNotTogether(
  nodes: readonly string[],
  planned: readonly string[],
  map: DiskMapView,
): string[] {
  const closed = new Set(planned)
  return imagesOnNodes(nodes, map).flatMap(
    (name) => new PlannedImage(name, closed, map, false).whyNot(nodes, new Set()) ?? [],
  )
}

type WhyNot = (batch: readonly string[], evicted: ReadonlySet<string>) => readonly string[]

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
      const why = whyNot([node], new Set(before.filter((other) => other !== node)))
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

/** The disks of one node, for one image. */
interface Place {
  /** Disks with a copy that stays, or that can get one. */
  disks: Set<string>
  /** How many of the disks without a staying copy can get one. */
  fitting: number
  /** Copies that can be a source for others. */
  ready: number
}

/** The possible places of one image's copies, while nodes are evicted in batches. */
class PlannedImage {
  readonly name: string
  /** The number of copies required after each batch. */
  readonly #keep: number
  readonly #reopen: boolean
  /** The nodes of the plan. */
  readonly #planned: ReadonlySet<string>
  /** The nodes of the plan that have a copy now, in any state. */
  readonly #homes = new Set<string>()
  readonly #places = new Map<string, Place>()
  /** A copy that cannot be a source would be deleted without a replacement. */
  readonly #isUnready: boolean

  constructor(name: string, planned: ReadonlySet<string>, map: DiskMapView, reopen: boolean) {
    this.name = name
    this.#reopen = reopen
    this.#planned = planned
    const image = map.image(name)
    if (image && map.replenishLimit !== 0) {
      for (const node of map.nodes()) {
        const disks = new Set(disksThatFit(node, image))
        if (disks.size > 0) this.#places.set(node.metadata.name, { disks, fitting: disks.size, ready: 0 })
      }
    }
    const copies = map.copiesOf(name).filter(({ phase }) => phase !== 'pending cleanup')
    for (const copy of copies) {
      for (const { node, disk } of map.ownersOf(copy.diskUUID)) {
        if (planned.has(node)) this.#homes.add(node)
        if (!isReliable(node, disk, map) || !isReadySoon(copy)) continue
        const place = this.#places.get(node) ?? { disks: new Set(), fitting: 0, ready: 0 }
        this.#places.set(node, place)
        place.disks.add(copy.diskUUID)
        if (isReady(copy)) place.ready += 1
      }
    }
    const living = copies.filter((copy) => !isWorthless(copy))
    this.#keep = Math.min(image?.spec.minNumberOfCopies ?? 1, living.length)
    this.#isUnready = living.length > 0 && !living.some(isReady)
  }

  /** The nodes of the list that may have a copy after others were evicted. */
  mayBeOn(nodes: readonly string[], evicted: ReadonlySet<string>): string[] {
    const anywhere = this.#reopen && this.#hasMoved(evicted)
    return nodes.filter(
      (node) => this.#homes.has(node) || (anywhere && (this.#places.get(node)?.fitting ?? 0) > 0),
    )
  }

  /** Why these nodes cannot be evicted together after others were evicted; undefined if they can. */
  whyNot(batch: readonly string[], evicted: ReadonlySet<string>): string | undefined {
    const having = this.mayBeOn(batch, evicted)
    if (having.length === 0) return undefined
    if (this.#isUnready) {
      return `no copy of backing image ${this.name} is ready, and Longhorn would delete those that it evicts without having a replacement`
    }
    const closed = this.#reopen ? new Set(batch) : this.#planned
    const room = this.#room(closed, evicted)
    if (room < this.#keep) {
      const needed = this.#keep === 1 ? 'a copy on one disk' : `copies on ${this.#keep} disks`
      return `backing image ${this.name} has to keep ${needed}, and besides ${[...closed].join(', ')} there ${room === 1 ? 'is' : 'are'} ${room} that can hold a copy`
    }
    if (having.length === 1 || this.#staying(batch, evicted) >= this.#keep) return undefined
    return `${having.join(' and ')} may hold the last copies of backing image ${this.name} between them`
  }

  #hasMoved(evicted: ReadonlySet<string>): boolean {
    return [...this.#homes].some((node) => evicted.has(node))
  }

  /** An unsuitable disk keeps its copy, but gets none again. */
  #room(closed: ReadonlySet<string>, evicted: ReadonlySet<string>): number {
    let room = 0
    for (const [node, { disks, fitting }] of this.#places) {
      if (!closed.has(node)) room += evicted.has(node) ? fitting : disks.size
    }
    return room
  }

  /** The ready copies that certainly stay during the batch. */
  #staying(batch: readonly string[], evicted: ReadonlySet<string>): number {
    let [there, going] = [0, 0]
    for (const [node, { ready }] of this.#places) {
      if (!evicted.has(node)) there += ready
      if (batch.includes(node)) going += ready
    }
    // A moved copy is on none of the nodes that were closed. It may be on any of those that are open again.
    const restored = !this.#reopen && this.#hasMoved(evicted) ? this.#keep : 0
    return Math.max(there, restored) - going
  }
}

/**
 * Copies on nodes that are being evicted, in this plan or not, do not count. Nor do those on nodes without a
 * running manager, lost or not.
 */
function isReliable(name: string, disk: string, map: DiskMapView): boolean {
  const node = map.node(name)
  return node !== undefined && !isEvicting(node, disk) && isAtWork(node, disk)
}
