/**
 * How many copies each node receives at a time: the setting `concurrent-backing-image-replenish-per-node-limit`. Kept in
 * memory, since the images are looked after side by side and none sees what the other is about to start.
 */
export class CopySlots {
  /** The copies under way, by image and disk UUID, with their node. */
  readonly #taken = new Map<string, Map<string, string>>()

  /** Begins or continues a copy. @returns false when the node receives as many as it may */
  take(image: string, diskUUID: string, node: string, limit: number): boolean {
    const taken = this.#taken.get(image) ?? new Map<string, string>()
    if (!taken.has(diskUUID) && this.#count(node) >= limit) return false
    this.#taken.set(image, taken.set(diskUUID, node))
    return true
  }

  /** Gives back the slots of an image's copies that are not under way any more. */
  keepOnly(image: string, isUnderWay: (diskUUID: string) => boolean): void {
    const taken = [...(this.#taken.get(image) ?? [])].filter(([diskUUID]) => isUnderWay(diskUUID))
    if (taken.length > 0) this.#taken.set(image, new Map(taken))
    else this.#taken.delete(image)
  }

  #count(node: string): number {
    return [...this.#taken.values()]
      .flatMap((copies) => [...copies.values()])
      .filter((other) => other === node).length
  }
}
