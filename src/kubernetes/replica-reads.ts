import type { Replica } from '../longhorn/replica.ts'
import { isImageLabel, selectorsOfReplicas, unlabelled, type WantedReplicas } from './replica-selectors.ts'
import { SharedRead } from './shared-read.ts'

/** Lists the replicas that a label selector finds. @throws what reading throws */
export type ListReplicas = (labelSelector: string, signal: AbortSignal) => Promise<readonly Replica[]>

/**
 * Reads the replicas that may use copies, for all clean-ups that are decided at the same time: two lists, however many
 * they are. Each sees whatever was committed before it was asked for.
 */
export class ReplicaReads {
  readonly #list: ListReplicas
  #wanted: WantedReplicas[] = []
  readonly #labelled = new SharedRead((signal) => this.#readLabelled(signal))
  readonly #unlabelled = new SharedRead((signal) => this.#list(unlabelled, signal))

  constructor(list: ListReplicas) {
    this.#list = list
  }

  /**
   * The replicas that may use a copy of an image, of those on other disks than `elsewhere` at least.
   *
   * @param elsewhere UUIDs of disks
   * @throws what reading throws, or the signal's reason
   */
  async get(image: string, elsewhere: readonly string[], signal: AbortSignal): Promise<readonly Replica[]> {
    signal.throwIfAborted()
    const byHand = this.#unlabelled.get(signal)
    if (!isImageLabel(image)) return await byHand
    // Taken by the next list that begins, which is the one that is waited for.
    this.#wanted.push({ image, elsewhere })
    const [labelled, others] = await Promise.all([this.#labelled.get(signal), byHand])
    return [...(labelled.get(image) ?? []), ...others]
  }

  /** The replicas of each image. */
  async #readLabelled(signal: AbortSignal): Promise<ReadonlyMap<string, readonly Replica[]>> {
    const wanted = this.#wanted
    this.#wanted = []
    const lists = selectorsOfReplicas(wanted).map((selector) => this.#list(selector, signal))
    const found = (await Promise.all(lists)).flat()
    const byImage = new Map<string, Replica[]>()
    for (const replica of found) {
      const { backingImage } = replica.spec
      const others = byImage.get(backingImage)
      if (others) others.push(replica)
      else byImage.set(backingImage, [replica])
    }
    return byImage
  }
}
