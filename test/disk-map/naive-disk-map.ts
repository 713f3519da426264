import { diskUUID, isAtWork } from '../../src/longhorn/node.ts'
import type {
  DiskMapView,
  DiskOwner,
  NamedKind,
  PendingCleanup,
  PendingOnNode,
} from '../../src/disk-map/disk-map-view.ts'
import { History } from '../../src/disk-map/history.ts'
import { copiesOf, type Copy, isReady } from '../../src/longhorn/copies.ts'
import type { Kind, LonghornObject, ObjectOf } from '../../src/longhorn/kinds.ts'

/**
 * The disk map as longhorn.md §1 and §2 define it: it keeps the latest version of each object and computes every answer
 * from all of them. It is too slow for a guard, and too simple to be wrong.
 */
export class NaiveDiskMap implements DiskMapView {
  #objects: LonghornObject[] = []
  /** By image and disk: when the clean-up was first seen pending. */
  #since = new Map<string, number>()

  apply(object: LonghornObject, at: number): void {
    this.#forget(object.kind, object.metadata.name)
    this.#objects.push(object)
    this.#age(at)
  }

  remove(kind: Kind, name: string): void {
    this.#forget(kind, name)
    this.#age(0)
  }

  get release(): string | undefined {
    return this.#one('Setting', 'current-longhorn-version')?.value
  }

  get replenishLimit(): number | undefined {
    const value = this.#one('Setting', 'concurrent-backing-image-replenish-per-node-limit')?.value
    return value === undefined || Number.isNaN(parseInt(value)) ? undefined : parseInt(value)
  }

  get imageCount(): number {
    return this.#all('BackingImage').length
  }

  get pendingImageCount(): number {
    return new Set(this.#pending().map(({ image }) => image)).size
  }

  /** The tests of the history cover ended changes. */
  readonly history = new History(0)

  images() {
    return this.#all('BackingImage')
  }

  imagesNotAtWork() {
    return this.images().filter(
      (image) => !copiesOf(image).some((copy) => isReady(copy) && this.isAtWork(copy.diskUUID)),
    )
  }

  dataSources() {
    return this.#all('BackingImageDataSource')
  }

  object(kind: NamedKind, name: string) {
    return this.#one(kind, name)
  }

  node(name: string) {
    return this.#one('Node', name)
  }

  nodes() {
    return this.#all('Node')
  }

  image(name: string) {
    return this.#one('BackingImage', name)
  }

  dataSource(name: string) {
    return this.#one('BackingImageDataSource', name)
  }

  ownersOf(uuid: string): DiskOwner[] {
    return this.nodes().flatMap((node) =>
      [...node.spec.disks.keys()]
        .filter((disk) => diskUUID(node, disk) === uuid)
        .map((disk) => ({ node: node.metadata.name, disk })),
    )
  }

  nodesWithUnsyncedDisks() {
    return this.nodes().filter((node) =>
      [...node.spec.disks.keys()].some((disk) => diskUUID(node, disk) === undefined),
    )
  }

  copiesOf(image: string): Copy[] {
    const found = this.image(image)
    return found ? copiesOf(found) : []
  }

  imagesOn(uuid: string) {
    return this.#all('BackingImage').filter((image) => copiesOf(image).some((copy) => copy.diskUUID === uuid))
  }

  pendingOf(image: string) {
    return this.#pending().filter((cleanup) => cleanup.image === image)
  }

  pendingOn(uuid: string) {
    return this.#pending().filter((cleanup) => cleanup.diskUUID === uuid)
  }

  pendingCleanups() {
    return this.#pending()
  }

  pendingOnNode(node: string): PendingOnNode[] {
    return this.#pending().flatMap((cleanup) =>
      this.ownersOf(cleanup.diskUUID)
        .filter((owner) => owner.node === node)
        .map(({ disk }) => ({ ...cleanup, disk })),
    )
  }

  isAtWork(uuid: string): boolean {
    return this.ownersOf(uuid).some(({ node: name, disk }) => {
      const node = this.node(name)
      return node !== undefined && isAtWork(node, disk)
    })
  }

  pendingOnUnownedDisks() {
    return this.#pending().filter(({ diskUUID: uuid }) => !this.isAtWork(uuid))
  }

  unfinishedFirstFilesOn(uuid: string) {
    return this.#all('BackingImageDataSource').filter(
      ({ spec }) => spec.diskUUID === uuid && !spec.fileTransferred,
    )
  }

  replica(name: string) {
    return this.#all('Replica').find(({ metadata }) => metadata.name === name)
  }

  replicasUsing(image: string, uuid: string): string[] {
    return this.#all('Replica')
      .filter(({ spec }) => spec.backingImage === image && spec.diskID === uuid)
      .map(({ metadata }) => metadata.name)
  }

  replicasOn(uuid: string): string[] {
    return this.#all('Replica')
      .filter(({ spec }) => spec.diskID === uuid)
      .map(({ metadata }) => metadata.name)
  }

  managerState(uuid: string): string | undefined {
    return this.#all('BackingImageManager').find(({ spec }) => spec.diskUUID === uuid)?.status.currentState
  }

  #all<K extends Kind>(kind: K): ObjectOf<K>[] {
    return this.#objects.filter((object): object is ObjectOf<K> => object.kind === kind)
  }

  #one<K extends Kind>(kind: K, name: string): ObjectOf<K> | undefined {
    return this.#all(kind).find(({ metadata }) => metadata.name === name)
  }

  #forget(kind: Kind, name: string): void {
    this.#objects = this.#objects.filter((object) => object.kind !== kind || object.metadata.name !== name)
  }

  #pending(): PendingCleanup[] {
    return this.#all('BackingImage').flatMap((image) =>
      copiesOf(image)
        .filter(({ phase }) => phase === 'pending cleanup')
        .map(({ image, diskUUID, state }) => ({
          image,
          diskUUID,
          state,
          since: this.#since.get(`${image} ${diskUUID}`) ?? NaN,
        })),
    )
  }

  /** A clean-up that is not pending has no age, one that just turned pending begins now. */
  #age(at: number): void {
    const keys = this.#pending().map(({ image, diskUUID }) => `${image} ${diskUUID}`)
    this.#since = new Map(keys.map((key) => [key, this.#since.get(key) ?? at]))
  }
}
