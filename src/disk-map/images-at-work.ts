import { copyOn, isReady } from '../longhorn/copies.ts'
import { type ImageIndex, MultiMap, type NodeLookup } from './indexes.ts'

/**
 * Tells the images with a ready copy on a disk that works from all others. It remembers one such disk of each. So a change of a
 * disk costs time in proportion to the images that it was remembered for, and to those on it while any image has none.
 */
export class ImagesAtWork {
  readonly #images: Pick<ImageIndex, 'copiesOf' | 'on'>
  readonly #nodes: Pick<NodeLookup, 'isAtWork'>
  /** By the name of the image. */
  readonly #diskOf = new Map<string, string>()
  readonly #imagesBy = new MultiMap<string, string>()
  readonly #others = new Set<string>()

  constructor(images: Pick<ImageIndex, 'copiesOf' | 'on'>, nodes: Pick<NodeLookup, 'isAtWork'>) {
    this.#images = images
    this.#nodes = nodes
  }

  /** The names of the images without such a copy, in no order. */
  get others(): ReadonlySet<string> {
    return this.#others
  }

  /** An image is new, or has changed. */
  put(image: string): void {
    this.remove(image)
    const copies = this.#images.copiesOf(image)
    const found = copies.find((copy) => isReady(copy) && this.#nodes.isAtWork(copy.diskUUID))
    if (found) this.#remember(image, found.diskUUID)
    else this.#others.add(image)
  }

  /** An image is gone. */
  remove(image: string): void {
    this.#others.delete(image)
    const uuid = this.#diskOf.get(image)
    if (uuid === undefined) return
    this.#diskOf.delete(image)
    this.#imagesBy.delete(uuid, image)
  }

  /** A disk may work now that did not, or the reverse. All nodes are up to date. */
  diskChanged(uuid: string): void {
    if (!this.#nodes.isAtWork(uuid)) for (const image of [...this.#imagesBy.get(uuid)]) this.put(image)
    else if (this.#others.size > 0) this.#findOn(uuid)
  }

  /** Looks at the copies on this disk alone, since an image can have thousands, on as many disks of a node. */
  #findOn(uuid: string): void {
    for (const image of this.#images.on(uuid)) {
      const { name } = image.metadata
      const copy = this.#others.has(name) ? copyOn(image, uuid) : undefined
      if (!copy || !isReady(copy)) continue
      this.#others.delete(name)
      this.#remember(name, uuid)
    }
  }

  #remember(image: string, uuid: string): void {
    this.#diskOf.set(image, uuid)
    this.#imagesBy.add(uuid, image)
  }
}
