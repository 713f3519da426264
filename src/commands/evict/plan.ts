import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isReady, isReadySoon } from '../../longhorn/copies.ts'
import { isAtWork, isEvicting } from '../../longhorn/node.ts'
import { isWorthless } from '../../rules/copies-left.ts'
import { disksThatFit } from '../../rules/no-eviction-target.ts'

/** Nodes that can be evicted at the same time. */
interface Batch {
  readonly nodes: readonly string[]
  /** The images of which a copy goes, or may have come meanwhile and then goes. */
  readonly images: readonly string[]
}

/** In which order nodes can be evicted with every image keeping its copies, or why there is none. */
export type EvictionPlan =
  | { readonly possible: true; readonly closeFirst: readonly string[]; readonly batches: readonly Batch[] }
  | { readonly possible: false; readonly problems: readonly string[] }

/** How nodes are to be evicted. */
interface PlanOptions {
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

/** The disks of one node, as far as one image goes. */
interface Place {
  /** Disks that have a copy that stays, or may get one. */
  disks: Set<string>
  /** How many of those that have no copy now, or lose it, may get one. */
  fitting: number
  /** Copies that others can be made from. */
  ready: number
}

/** Where the copies of one image are, and may be later, while nodes are evicted in batches. */
class PlannedImage {
  readonly name: string
  /** How many copies there have to be after each batch. */
  readonly #keep: number
  readonly #reopen: boolean
  /** The nodes of the plan. */
  readonly #planned: ReadonlySet<string>
  /** The nodes of the plan that have a copy now, in whatever state. */
  readonly #homes = new Set<string>()
  readonly #places = new Map<string, Place>()
  /** A copy that cannot be copied would be deleted without a replacement. */
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

  /** Those of the nodes that may have a copy, once others have been evicted. */
  mayBeOn(nodes: readonly string[], evicted: ReadonlySet<string>): string[] {
    const anywhere = this.#reopen && this.#hasMoved(evicted)
    return nodes.filter(
      (node) => this.#homes.has(node) || (anywhere && (this.#places.get(node)?.fitting ?? 0) > 0),
    )
  }

  /** Why these nodes cannot be evicted together, once others have been evicted; undefined if they can. */
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

  /** A disk that does not fit keeps the copy that it has, but gets none again. */
  #room(closed: ReadonlySet<string>, evicted: ReadonlySet<string>): number {
    let room = 0
    for (const [node, { disks, fitting }] of this.#places) {
      if (!closed.has(node)) room += evicted.has(node) ? fitting : disks.size
    }
    return room
  }

  /** The ready copies that certainly stay where they are while the batch is evicted. */
  #staying(batch: readonly string[], evicted: ReadonlySet<string>): number {
    let [there, going] = [0, 0]
    for (const [node, { ready }] of this.#places) {
      if (!evicted.has(node)) there += ready
      if (batch.includes(node)) going += ready
    }
    // What has moved is on none of the nodes that were closed; of those that are open again, on any.
    const restored = !this.#reopen && this.#hasMoved(evicted) ? this.#keep : 0
    return Math.max(there, restored) - going
  }
}

/** What is being evicted already, in this plan or not, is nothing to rely on. Nor is what nobody works on, lost or not yet. */
function isReliable(name: string, disk: string, map: DiskMapView): boolean {
  const node = map.node(name)
  return node !== undefined && !isEvicting(node, disk) && isAtWork(node, disk)
}
