import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, pendingCleanups } from '../longhorn/copies.ts'
import { diskUUID, isAtWork, type Node } from '../longhorn/node.ts'
import type { DiskOwner, PendingCleanup } from './disk-map-view.ts'

/** A disk of a node whose UUID is known. */
export type OwnedDisk = readonly [uuid: string, owner: DiskOwner]

/** Nodes by name and by the UUIDs of their disks. */
export interface NodeLookup {
  get(name: string): Node | undefined
  all(): Iterable<Node>
  withUnsyncedDisks(): Iterable<Node>
  ownersOf(uuid: string): readonly DiskOwner[]
  isAtWork(uuid: string): boolean
  /** The disks of a node whose UUIDs are known. */
  disksOf(name: string): Iterable<OwnedDisk>
  /** @returns the disks that the node had or has */
  put(node: Node): Set<string>
  /** @returns the disks that the node had */
  remove(name: string): Set<string>
}

interface NodeEntry {
  readonly node: Node
  /** Two disks under one UUID have two owners. On profile B the evicted one counts (longhorn.md §2). */
  readonly owned: readonly OwnedDisk[]
}

/** The nodes of the disk map, by name and by the UUIDs of their disks. */
export class NodeIndex implements NodeLookup {
  readonly #entries = new Map<string, NodeEntry>()
  readonly #ownersByDisk = new MultiMap<string, DiskOwner>()
  /** A cache of the owners of disks, dropped when they change. */
  readonly #listed = new Map<string, readonly DiskOwner[]>()
  /** A cache of whether they work. */
  readonly #works = new Map<string, boolean>()
  readonly #unsynced = new Set<NodeEntry>()

  get(name: string): Node | undefined {
    return this.#entries.get(name)?.node
  }

  *all(): Iterable<Node> {
    for (const { node } of this.#entries.values()) yield node
  }

  *withUnsyncedDisks(): Iterable<Node> {
    for (const { node } of this.#unsynced) yield node
  }

  ownersOf(uuid: string): readonly DiskOwner[] {
    if (!this.#ownersByDisk.has(uuid)) return nobody
    let owners = this.#listed.get(uuid)
    if (!owners) this.#listed.set(uuid, (owners = [...this.#ownersByDisk.get(uuid)]))
    return owners
  }

  isAtWork(uuid: string): boolean {
    // A disk that no node has is not cached: no event would remove the entry.
    if (!this.#ownersByDisk.has(uuid)) return false
    let works = this.#works.get(uuid)
    if (works === undefined) this.#works.set(uuid, (works = worksSomewhere(uuid, this)))
    return works
  }

  disksOf(name: string): Iterable<OwnedDisk> {
    return this.#entries.get(name)?.owned ?? []
  }

  put(node: Node): Set<string> {
    const name = node.metadata.name
    const touched = this.remove(name)
    const owned: OwnedDisk[] = []
    const entry: NodeEntry = { node, owned }
    this.#entries.set(name, entry)
    for (const disk of node.spec.disks.keys()) {
      const uuid = diskUUID(node, disk)
      if (uuid === undefined) this.#unsynced.add(entry)
      else owned.push([uuid, { node: name, disk }])
    }
    for (const [uuid, owner] of owned) {
      this.#ownersByDisk.add(uuid, owner)
      this.#forget(uuid)
      touched.add(uuid)
    }
    return touched
  }

  remove(name: string): Set<string> {
    const touched = new Set<string>()
    const entry = this.#entries.get(name)
    if (!entry) return touched
    this.#entries.delete(name)
    this.#unsynced.delete(entry)
    for (const [uuid, owner] of entry.owned) {
      this.#ownersByDisk.delete(uuid, owner)
      this.#forget(uuid)
      touched.add(uuid)
    }
    return touched
  }

  #forget(uuid: string): void {
    this.#listed.delete(uuid)
    this.#works.delete(uuid)
  }
}

const nobody: readonly DiskOwner[] = []

/** True if the disk works on one of the nodes that have it. */
export function worksSomewhere(uuid: string, nodes: Pick<NodeLookup, 'get' | 'ownersOf'>): boolean {
  return nodes.ownersOf(uuid).some(({ node: name, disk }) => {
    const node = nodes.get(name)
    return node !== undefined && isAtWork(node, disk)
  })
}

interface ImageEntry {
  readonly image: BackingImage
  /** Counts the versions of images: all of them come in this order. */
  readonly turn: number
  readonly copies: readonly Copy[]
  /** By disk UUID. */
  readonly pending: ReadonlyMap<string, PendingCleanup>
}

/** The images of the disk map, by name and by disk. */
export class ImageIndex {
  readonly #entries = new Map<string, ImageEntry>()
  readonly #entriesByDisk = new MultiMap<string, ImageEntry>()
  readonly #pendingByDisk = new MultiMap<string, PendingCleanup>()
  readonly #withPending = new Set<ImageEntry>()
  #turns = 0

  get size(): number {
    return this.#entries.size
  }

  get pendingImages(): number {
    return this.#withPending.size
  }

  get(name: string): BackingImage | undefined {
    return this.#entries.get(name)?.image
  }

  *all(): Iterable<BackingImage> {
    for (const { image } of this.#entries.values()) yield image
  }

  /** Those of these names, in the order of all. */
  these(names: Iterable<string>): Iterable<BackingImage> {
    const entries = [...names].map((name) => this.#entries.get(name)).filter((entry) => entry !== undefined)
    return entries.sort((one, other) => one.turn - other.turn).map(({ image }) => image)
  }

  copiesOf(name: string): readonly Copy[] {
    return this.#entries.get(name)?.copies ?? []
  }

  pendingOf(name: string): Iterable<PendingCleanup> {
    return this.#entries.get(name)?.pending.values() ?? []
  }

  pendingOn(diskUUID: string): ReadonlySet<PendingCleanup> {
    return this.#pendingByDisk.get(diskUUID)
  }

  *allPending(): Iterable<PendingCleanup> {
    for (const { pending } of this.#withPending) yield* pending.values()
  }

  *on(diskUUID: string): Iterable<BackingImage> {
    for (const { image } of this.#entriesByDisk.get(diskUUID)) yield image
  }

  /**
   * Replaces the image of this name. A clean-up that was pending before keeps its start time.
   *
   * @param at milliseconds by the monotonic clock
   * @returns the disks that the image was or is on
   */
  put(image: BackingImage, at: number): Iterable<string> {
    const name = image.metadata.name
    const before = this.#entries.get(name)
    const touched = this.remove(name)
    const copies = copiesOf(image)
    const pending = new Map<string, PendingCleanup>()
    for (const { diskUUID, state } of pendingCleanups(image)) {
      const since = before?.pending.get(diskUUID)?.since ?? at
      pending.set(diskUUID, { image: name, diskUUID, state, since })
    }
    const entry: ImageEntry = { image, turn: ++this.#turns, copies, pending }
    this.#entries.set(name, entry)
    if (pending.size > 0) this.#withPending.add(entry)
    for (const { diskUUID } of copies) {
      this.#entriesByDisk.add(diskUUID, entry)
      touched.add(diskUUID)
    }
    for (const cleanup of pending.values()) this.#pendingByDisk.add(cleanup.diskUUID, cleanup)
    return touched
  }

  /** @returns the disks that the image was on */
  remove(name: string): Set<string> {
    const touched = new Set<string>()
    const entry = this.#entries.get(name)
    if (!entry) return touched
    this.#entries.delete(name)
    this.#withPending.delete(entry)
    for (const { diskUUID } of entry.copies) {
      this.#entriesByDisk.delete(diskUUID, entry)
      touched.add(diskUUID)
    }
    for (const cleanup of entry.pending.values()) this.#pendingByDisk.delete(cleanup.diskUUID, cleanup)
    return touched
  }
}

/**
 * Several values for one key. A key without values is removed, so the map does not grow with deleted objects.
 */
export class MultiMap<K, V> {
  readonly #sets = new Map<K, Set<V>>()

  add(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set) set.add(value)
    else this.#sets.set(key, new Set([value]))
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key)
  }

  has(key: K): boolean {
    return this.#sets.has(key)
  }

  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? nothing
  }
}

const nothing: ReadonlySet<never> = new Set()
