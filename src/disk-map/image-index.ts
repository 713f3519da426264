import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, pendingCleanups } from '../longhorn/copies.ts'
import type { PendingCleanup } from './disk-map-view.ts'
import { MultiMap } from './multi-map.ts'

interface Entry {
  readonly image: BackingImage
  readonly copies: readonly Copy[]
  /** By disk UUID. */
  readonly pending: ReadonlyMap<string, PendingCleanup>
}

/** The images of the disk map, by name and by disk. */
export class ImageIndex {
  readonly #entries = new Map<string, Entry>()
  readonly #entriesByDisk = new MultiMap<string, Entry>()
  readonly #pendingByDisk = new MultiMap<string, PendingCleanup>()
  readonly #withPending = new Set<Entry>()

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
   * @param at milliseconds by the monotonic clock @returns the disks that the image was or is on
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
    const entry: Entry = { image, copies, pending }
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
