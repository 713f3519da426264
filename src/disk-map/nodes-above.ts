import type { Node } from '../longhorn/node.ts'
import type { DiskOwner } from './disk-map-view.ts'
import { NodeIndex, type NodeLookup, type OwnedDisk, worksSomewhere } from './indexes.ts'

/**
 * The nodes of another index with some of them replaced or removed, for one decision: it holds until the other index changes.
 * That one stays as it is. Time and memory are in proportion to the replaced nodes.
 */
export class NodesAbove implements NodeLookup {
  readonly #below: NodeLookup
  readonly #own = new NodeIndex()
  /** The names of nodes that the index below no longer answers for. */
  readonly #replaced = new Set<string>()
  /** What was asked about disks, until a node changes: one disk can have a thousand owners, and be asked for a thousand times. */
  readonly #owners = new Map<string, readonly DiskOwner[]>()
  readonly #works = new Map<string, boolean>()

  constructor(below: NodeLookup) {
    this.#below = below
  }

  get(name: string): Node | undefined {
    return this.#of(name).get(name)
  }

  *all(): Iterable<Node> {
    yield* this.#kept(this.#below.all())
    yield* this.#own.all()
  }

  *withUnsyncedDisks(): Iterable<Node> {
    yield* this.#kept(this.#below.withUnsyncedDisks())
    yield* this.#own.withUnsyncedDisks()
  }

  ownersOf(uuid: string): readonly DiskOwner[] {
    let owners = this.#owners.get(uuid)
    if (!owners) {
      const kept = this.#below.ownersOf(uuid).filter(({ node }) => !this.#replaced.has(node))
      this.#owners.set(uuid, (owners = [...kept, ...this.#own.ownersOf(uuid)]))
    }
    return owners
  }

  isAtWork(uuid: string): boolean {
    let works = this.#works.get(uuid)
    if (works === undefined) this.#works.set(uuid, (works = worksSomewhere(uuid, this)))
    return works
  }

  disksOf(name: string): Iterable<OwnedDisk> {
    return this.#of(name).disksOf(name)
  }

  put(node: Node): Set<string> {
    const touched = this.remove(node.metadata.name)
    for (const uuid of this.#own.put(node)) touched.add(uuid)
    return touched
  }

  remove(name: string): Set<string> {
    const touched = new Set<string>()
    for (const [uuid] of this.disksOf(name)) touched.add(uuid)
    this.#replaced.add(name)
    this.#own.remove(name)
    this.#owners.clear()
    this.#works.clear()
    return touched
  }

  #of(name: string): NodeLookup {
    return this.#replaced.has(name) ? this.#own : this.#below
  }

  *#kept(nodes: Iterable<Node>): Iterable<Node> {
    for (const node of nodes) if (!this.#replaced.has(node.metadata.name)) yield node
  }
}
