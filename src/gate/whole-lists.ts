import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { ChangeBus } from './change-bus.ts'

/** Lists of all objects of their kinds, as several requests get them from one read. */
interface Lists {
  readonly images: readonly BackingImage[]
  readonly sources: readonly BackingImageDataSource[]
}

/** What was made of lists of images. */
interface Made {
  readonly sources: readonly BackingImageDataSource[]
  readonly map: DiskMapView
}

/**
 * The maps that were made from whole lists. To make it takes time for every image of the cluster, and many evictions
 * share a read: while a guard is young, and after an outage. So they share the map too, until the disk map below it changes.
 */
export class WholeLists {
  /** By the list of images, so that nothing is kept once no request has that list. */
  #made = new WeakMap<Lists['images'], Made>()

  /** @param changes announces each change to an object of the disk map */
  constructor(changes: Pick<ChangeBus, 'subscribeToObjects'>) {
    changes.subscribeToObjects(() => (this.#made = new WeakMap()))
  }

  /** The map of these lists. @param make lays them on the disk map */
  mapOf({ images, sources }: Lists, make: () => DiskMapView): DiskMapView {
    const made = this.#made.get(images)
    if (made?.sources === sources) return made.map
    const map = make()
    this.#made.set(images, { sources, map })
    return map
  }
}
