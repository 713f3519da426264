import type { Replica } from '../longhorn/replica.ts'
import { SharedRead } from './shared-reads.ts'

/** Lists the replicas of a label selector. @throws the errors of reading */
type ListReplicas = (labelSelector: string, signal: AbortSignal) => Promise<readonly Replica[]>

/**
 * Reads the replicas that may use copies, for all clean-ups that are decided at the same time: two lists,
 * whatever their number. Each read sees everything that was committed before its caller asked.
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
   * The replicas that may use a copy of an image, at least those on other disks than `elsewhere`.
   *
   * @param elsewhere UUIDs of disks
   * @throws the errors of reading, or the signal's reason
   */
  async get(image: string, elsewhere: readonly string[], signal: AbortSignal): Promise<readonly Replica[]> {
    signal.throwIfAborted()
    const byHand = this.#unlabelled.get(signal)
    if (!isImageLabel(image)) return await byHand
    // The next list takes it, and the caller waits for that list.
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

/**
 * The label with the image of a replica, empty if it has none. Longhorn sets it with each write of a replica.
 */
const imageLabel = 'longhorn.io/backing-image'

/** The label with the UUID of its disk, set together with the other one. */
const diskLabel = 'longhorndiskuuid'

/** Finds the replicas that were created without Longhorn's labels. */
export const unlabelled = `!${imageLabel}`

/** A longer list would not fit a URL. Replicas on those disks are then read too. */
const mostDisks = 64

/** How many names of 63 characters fit a URL beside that many disks. */
const mostImages = 50

/** The replicas that may use the copies of an image, except those on the disks `elsewhere`, by UUID. */
interface WantedReplicas {
  readonly image: string
  readonly elsewhere: readonly string[]
}

/**
 * Label selectors that together find all wanted replicas with labels, and perhaps more. One selector covers
 * up to 50 images, and leaves out only the disks that all of them name.
 *
 * @param wanted of images whose names a label can hold, see {@link isImageLabel}
 */
export function selectorsOfReplicas(wanted: readonly WantedReplicas[]): string[] {
  const images = [...new Set(wanted.map(({ image }) => image))]
  const chunks = Array.from({ length: Math.ceil(images.length / mostImages) }, (_, at) =>
    images.slice(at * mostImages, (at + 1) * mostImages),
  )
  return chunks.map((some) => {
    const names = new Set(some)
    return `${oneOf(some)}${notOn(inAll(wanted.filter(({ image }) => names.has(image))))}`
  })
}

/** False for an image name that no label can hold: no replica of Longhorn has such a label. */
export function isImageLabel(image: string): boolean {
  return isLabelValue(image)
}

function oneOf(images: readonly string[]): string {
  return images.length === 1 ? `${imageLabel}=${images.join()}` : `${imageLabel} in (${images.join(',')})`
}

function notOn(disks: readonly string[]): string {
  return disks.length > 0 && disks.length <= mostDisks ? `,${diskLabel} notin (${disks.join(',')})` : ''
}

/** The disks that each of them leaves out. */
function inAll([first, ...others]: readonly WantedReplicas[]): string[] {
  const sets = others.map(({ elsewhere }) => new Set(elsewhere))
  return (first?.elsewhere ?? []).filter((disk) => isLabelValue(disk) && sets.every((set) => set.has(disk)))
}

/** The API server's own check: it rejects a selector with any other value. */
function isLabelValue(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)
}
