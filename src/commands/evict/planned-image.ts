import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isReady, isReadySoon } from '../../longhorn/copies.ts'
import { isAtWork, isEvicting } from '../../longhorn/node.ts'
import { isWorthless } from '../../rules/copies-left.ts'
import type { FittingDisks, Fitting } from './fitting-disks.ts'

/** The plan that an image is looked at for. */
export interface Planning {
  readonly map: DiskMapView
  readonly fitting: FittingDisks
  /** The nodes of the plan. */
  readonly planned: ReadonlySet<string>
  /** True if the nodes of a batch are in service again before the next batch begins. */
  readonly reopen: boolean
}

/**
 * The possible places of one image's copies, while nodes are evicted in batches. A plan asks each image again and again, so
 * what it asks for costs as much as the image has copies, however many nodes there are.
 */
export class PlannedImage {
  readonly name: string
  /** The nodes of the plan that have a copy now, in any state. */
  readonly homes: ReadonlySet<string>
  /** The number of copies required after each batch. */
  readonly #keep: number
  readonly #reopen: boolean
  readonly #planned: ReadonlySet<string>
  /** The disks that can get a copy. */
  readonly #fitting: Fitting
  /** By node, how many other disks have a copy that stays. */
  readonly #unsuited = new Map<string, number>()
  /** By node, how many copies can be a source for others. */
  readonly #ready = new Map<string, number>()
  /** A copy that cannot be a source would be deleted without a replacement. */
  readonly #isUnready: boolean

  constructor(name: string, { map, fitting, planned, reopen }: Planning) {
    this.name = name
    this.#reopen = reopen
    this.#planned = planned
    const image = map.image(name)
    this.#fitting = fitting.for(image)
    const homes = new Set<string>()
    const staying = new Set<string>()
    const copies = map.copiesOf(name).filter(({ phase }) => phase !== 'pending cleanup')
    for (const copy of copies) {
      for (const { node, disk } of map.ownersOf(copy.diskUUID)) {
        if (planned.has(node)) homes.add(node)
        if (!isReliable(node, disk, map) || !isReadySoon(copy)) continue
        const isOther = !this.#fitting.has(node, copy.diskUUID) && !staying.has(`${node} ${copy.diskUUID}`)
        staying.add(`${node} ${copy.diskUUID}`)
        if (isOther) this.#unsuited.set(node, (this.#unsuited.get(node) ?? 0) + 1)
        if (isReady(copy)) this.#ready.set(node, (this.#ready.get(node) ?? 0) + 1)
      }
    }
    const living = copies.filter((copy) => !isWorthless(copy))
    this.homes = homes
    this.#keep = Math.min(image?.spec.minNumberOfCopies ?? 1, living.length)
    this.#isUnready = living.length > 0 && !living.some(isReady)
  }

  /** True if one of these nodes may have a copy after others were evicted. */
  mayBeOn(nodes: ReadonlySet<string>, evicted: ReadonlySet<string>): boolean {
    return this.#countOn(nodes, evicted) > 0
  }

  /**
   * Why these nodes cannot be evicted together after others were evicted; undefined if they can.
   *
   * @param batch not changed later
   */
  whyNot(batch: ReadonlySet<string>, evicted: ReadonlySet<string>): string | undefined {
    const having = this.#countOn(batch, evicted)
    if (having === 0) return undefined
    if (this.#isUnready) {
      return `no copy of backing image ${this.name} is ready, and Longhorn would delete those that it evicts without having a replacement`
    }
    const closed = this.#reopen ? batch : this.#planned
    const room = this.#room(closed, evicted)
    if (room < this.#keep) {
      const needed = this.#keep === 1 ? 'a copy on one disk' : `copies on ${this.#keep} disks`
      return `backing image ${this.name} has to keep ${needed}, and besides ${[...closed].join(', ')} there ${room === 1 ? 'is' : 'are'} ${room} that can hold a copy`
    }
    if (having === 1 || this.#staying(batch, evicted) >= this.#keep) return undefined
    const names = [...batch].filter((node) => this.#mayBeOn(node, this.#isAnywhere(evicted)))
    return `${names.join(' and ')} may hold the last copies of backing image ${this.name} between them`
  }

  /** On how many of the nodes it may be: none, one, or more. */
  #countOn(nodes: ReadonlySet<string>, evicted: ReadonlySet<string>): number {
    const anywhere = this.#isAnywhere(evicted)
    let count = 0
    for (const node of anywhere ? nodes : this.homes) {
      if (nodes.has(node) && this.#mayBeOn(node, anywhere)) count += 1
      if (count > 1) break
    }
    return count
  }

  #mayBeOn(node: string, anywhere: boolean): boolean {
    return this.homes.has(node) || (anywhere && this.#fitting.on(node) > 0)
  }

  /** True if a copy may have moved to any node that is in service again. */
  #isAnywhere(evicted: ReadonlySet<string>): boolean {
    return this.#reopen && this.#hasMoved(evicted)
  }

  #hasMoved(evicted: ReadonlySet<string>): boolean {
    for (const node of this.homes) if (evicted.has(node)) return true
    return false
  }

  /** An unsuitable disk keeps its copy, but gets none again. */
  #room(closed: ReadonlySet<string>, evicted: ReadonlySet<string>): number {
    let room = this.#fitting.besides(closed)
    for (const [node, disks] of this.#unsuited) if (!closed.has(node) && !evicted.has(node)) room += disks
    return room
  }

  /** The ready copies that certainly stay during the batch. */
  #staying(batch: ReadonlySet<string>, evicted: ReadonlySet<string>): number {
    let [there, going] = [0, 0]
    for (const [node, ready] of this.#ready) {
      if (!evicted.has(node)) there += ready
      if (batch.has(node)) going += ready
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
