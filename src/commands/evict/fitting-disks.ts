import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { BackingImage } from '../../longhorn/backing-image.ts'
import { disksThatFit } from '../../rules/evictions-under-way.ts'

/** The disks of a cluster that fit images, which are looked for once for all images that ask for the same. */
export class FittingDisks {
  readonly #map: DiskMapView
  readonly #found = new Map<string, Fitting>()

  constructor(map: DiskMapView) {
    this.#map = map
  }

  /** None for an image that is not there, and where Longhorn makes no new copies. */
  for(image: BackingImage | undefined): Fitting {
    if (image === undefined || this.#map.replenishLimit === 0) return none
    const { nodeSelector, diskSelector, dataEngine } = image.spec
    const asked = JSON.stringify([nodeSelector, diskSelector, dataEngine])
    const known = this.#found.get(asked)
    if (known !== undefined) return known
    const fitting = new Fitting(disksByNode(this.#map, image))
    this.#found.set(asked, fitting)
    return fitting
  }
}

function disksByNode(map: DiskMapView, image: BackingImage): Map<string, ReadonlySet<string>> {
  const disks = new Map<string, ReadonlySet<string>>()
  for (const node of map.nodes()) {
    const fit = new Set(disksThatFit(node, image))
    if (fit.size > 0) disks.set(node.metadata.name, fit)
  }
  return disks
}

/** The disks that fit an image, by node. */
export class Fitting {
  readonly #disks: ReadonlyMap<string, ReadonlySet<string>>
  readonly #all: number
  readonly #besides = new WeakMap<ReadonlySet<string>, number>()

  constructor(disks: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#disks = disks
    this.#all = [...disks.values()].reduce((sum, { size }) => sum + size, 0)
  }

  has(node: string, diskUUID: string): boolean {
    return this.#disks.get(node)?.has(diskUUID) === true
  }

  /** How many a node has. */
  on(node: string): number {
    return this.#disks.get(node)?.size ?? 0
  }

  /** How many are on other nodes than these. @param nodes not changed later: many images ask for the same ones */
  besides(nodes: ReadonlySet<string>): number {
    const known = this.#besides.get(nodes)
    if (known !== undefined) return known
    let left = this.#all
    for (const node of nodes) left -= this.on(node)
    this.#besides.set(nodes, left)
    return left
  }
}

const none = new Fitting(new Map())
