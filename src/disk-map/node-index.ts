import { diskUUID, isAtWork, type Node } from '../longhorn/node.ts'
import type { DiskOwner } from './disk-map-view.ts'
import { MultiMap } from './multi-map.ts'

type OwnedDisk = readonly [uuid: string, owner: DiskOwner]

interface Entry {
  readonly node: Node
  /** Two disks under one UUID have two owners. On profile B the evicted one counts (longhorn.md §2). */
  readonly owned: readonly OwnedDisk[]
}

/** The nodes of the disk map, by name and by the UUIDs of their disks. */
export class NodeIndex {
  readonly #entries = new Map<string, Entry>()
  readonly #ownersByDisk = new MultiMap<string, DiskOwner>()
  /** A cache of the owners of disks, dropped when they change. */
  readonly #listed = new Map<string, readonly DiskOwner[]>()
  /** A cache of whether they work. */
  readonly #works = new Map<string, boolean>()
  readonly #unsynced = new Set<Entry>()

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
    if (works === undefined) this.#works.set(uuid, (works = this.#worksSomewhere(uuid)))
    return works
  }

  /** The disks of a node whose UUIDs are known. */
  disksOf(name: string): Iterable<OwnedDisk> {
    return this.#entries.get(name)?.owned ?? []
  }

  /** @returns the disks that the node had or has */
  put(node: Node): Iterable<string> {
    const name = node.metadata.name
    const touched = this.remove(name)
    const owned: OwnedDisk[] = []
    const entry: Entry = { node, owned }
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

  /** @returns the disks that the node had */
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

  #worksSomewhere(uuid: string): boolean {
    return this.ownersOf(uuid).some(({ node: name, disk }) => {
      const node = this.get(name)
      return node !== undefined && isAtWork(node, disk)
    })
  }

  #forget(uuid: string): void {
    this.#listed.delete(uuid)
    this.#works.delete(uuid)
  }
}

const nobody: readonly DiskOwner[] = []
