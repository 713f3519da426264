import type { Replica } from '../longhorn/replica.ts'
import { MultiMap } from './indexes.ts'

/** The replicas of the disk map, by name, by disk and by the copy of an image that they use. */
export class ReplicaIndex {
  readonly #replicas = new Map<string, Replica>()
  readonly #byCopy = new MultiMap<string, string>()
  readonly #byDisk = new MultiMap<string, string>()

  get(name: string): Replica | undefined {
    return this.#replicas.get(name)
  }

  /** The names of those on the disk that use the image. */
  using(image: string, diskUUID: string): Iterable<string> {
    return this.#byCopy.get(copyKey(image, diskUUID))
  }

  /** The names of all on the disk. */
  on(diskUUID: string): Iterable<string> {
    return this.#byDisk.get(diskUUID)
  }

  put(replica: Replica): void {
    const { name } = replica.metadata
    this.remove(name)
    this.#replicas.set(name, replica)
    this.#byCopy.add(copyKey(replica.spec.backingImage, replica.spec.diskID), name)
    this.#byDisk.add(replica.spec.diskID, name)
  }

  remove(name: string): void {
    const replica = this.#replicas.get(name)
    if (!replica) return
    this.#replicas.delete(name)
    this.#byCopy.delete(copyKey(replica.spec.backingImage, replica.spec.diskID), name)
    this.#byDisk.delete(replica.spec.diskID, name)
  }
}

/** A space occurs in neither: names are DNS labels. */
function copyKey(image: string, diskUUID: string): string {
  return `${image} ${diskUUID}`
}
