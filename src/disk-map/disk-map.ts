import type { BackingImage, BackingImageDataSource, BackingImageManager } from '../longhorn/backing-image.ts'
import type { Copy } from '../longhorn/copies.ts'
import type { Kind, LonghornObject, ObjectOf } from '../longhorn/kinds.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'
import { settingNames } from '../longhorn/setting.ts'
import {
  canEnd,
  type DiskMapView,
  type DiskOwner,
  type NamedKind,
  type PendingCleanup,
  type PendingOnNode,
} from './disk-map-view.ts'
import { History } from './history.ts'
import { ImagesAtWork } from './images-at-work.ts'
import { ImageIndex, MultiMap, NodeIndex, type NodeLookup } from './indexes.ts'
import { NodesAbove } from './nodes-above.ts'
import { ReplicaIndex } from './replica-index.ts'
import { endingsOf } from './what-ended.ts'

/** Options of a disk map. */
interface DiskMapOptions {
  /** How long it remembers ended changes, in milliseconds. */
  readonly rememberMs: number
  /** The beginning of a map on top of another. */
  readonly above: { readonly nodes: NodeLookup; readonly history: History }
}

/** Twice the longest default time for which an ended change counts, plus the time to notice an outage. */
const defaultRememberMs = 5 * 60_000

/**
 * The live model of all Longhorn disks: nodes, copies, first files, replicas, release. It takes objects one
 * by one in any order, each in time proportional to the object. It always agrees with the last version of
 * each: an image on a disk that no node has yet simply finds its node later.
 *
 * It remembers ended changes (a clean-up, a first file, a flag) for a while, since Longhorn may not have
 * noticed them yet.
 */
export class DiskMap implements DiskMapView {
  /** The feed reports outages to it too. */
  readonly history: History
  readonly #nodes: NodeLookup
  readonly #images = new ImageIndex()
  readonly #atWork: ImagesAtWork
  readonly #dataSources = new Map<string, BackingImageDataSource>()
  readonly #firstFilesByDisk = new MultiMap<string, BackingImageDataSource>()
  readonly #replicas = new ReplicaIndex()
  readonly #managers = new Map<string, BackingImageManager>()
  readonly #managersByDisk = new MultiMap<string, BackingImageManager>()
  readonly #settings = new Map<string, string>()
  /** Disks with a pending clean-up that work on no node. */
  readonly #unownedPending = new Set<string>()

  constructor({ rememberMs = defaultRememberMs, above }: Partial<DiskMapOptions> = {}) {
    this.history = above?.history ?? new History(rememberMs)
    this.#nodes = above?.nodes ?? new NodeIndex()
    this.#atWork = new ImagesAtWork(this.#images, this.#nodes)
  }

  /**
   * A map with the nodes of this one and its memory, and nothing else, for one decision: it holds until this map changes.
   * It costs what it takes in, whatever the cluster.
   */
  nodesAlone(): DiskMap {
    return new DiskMap({ above: { nodes: new NodesAbove(this.#nodes), history: this.history.above() } })
  }

  /**
   * Takes an added or changed object as news: a change that the map did not see has ended now at the latest.
   *
   * @param at when it was seen, in milliseconds by the monotonic clock
   */
  apply(object: LonghornObject, at: number): void {
    this.#end(object.kind, object.metadata.name, object, at)
    this.adopt(object, at)
  }

  /**
   * Takes an object that is not news: its state is old, or its history is already known.
   *
   * @param at when it was seen, in milliseconds by the monotonic clock
   */
  adopt(object: LonghornObject, at: number): void {
    const { name } = object.metadata
    switch (object.kind) {
      case 'Node':
        this.#nodesChanged(this.#nodes.put(object))
        return
      case 'BackingImage':
        this.#reconsider(this.#images.put(object, at))
        this.#atWork.put(name)
        return
      case 'BackingImageDataSource':
        this.#take('BackingImageDataSource', name)
        this.#dataSources.set(name, object)
        if (isUnfinished(object)) this.#firstFilesByDisk.add(object.spec.diskUUID, object)
        return
      case 'BackingImageManager':
        this.#take('BackingImageManager', name)
        this.#managers.set(name, object)
        this.#managersByDisk.add(object.spec.diskUUID, object)
        return
      case 'Replica':
        this.#replicas.put(object)
        return
      case 'Setting':
        this.#settings.set(name, object.value)
        return
    }
  }

  /**
   * Forgets a deleted object; an unknown one is no error.
   *
   * @param at when its absence was seen, in milliseconds by the monotonic clock
   * @param unseen true if it may have changed before its deletion without the map's knowledge
   */
  remove(kind: Kind, name: string, at: number, unseen = false): void {
    this.#end(kind, name, undefined, at, unseen)
    this.#take(kind, name)
  }

  #end(kind: Kind, name: string, after: LonghornObject | undefined, at: number, unseen = false): void {
    if (!canEnd(kind)) return
    const endings = endingsOf(kind, this.object(kind, name), after, at)
    this.history.add(kind, name, unseen ? { ...endings, unseen: { why: 'missed' } } : endings, at)
  }

  #take(kind: Kind, name: string): void {
    switch (kind) {
      case 'Node':
        this.#nodesChanged(this.#nodes.remove(name))
        return
      case 'BackingImage':
        this.#reconsider(this.#images.remove(name))
        this.#atWork.remove(name)
        return
      case 'BackingImageDataSource': {
        const source = this.#dataSources.get(name)
        if (source && isUnfinished(source)) this.#firstFilesByDisk.delete(source.spec.diskUUID, source)
        this.#dataSources.delete(name)
        return
      }
      case 'BackingImageManager': {
        const manager = this.#managers.get(name)
        if (manager) this.#managersByDisk.delete(manager.spec.diskUUID, manager)
        this.#managers.delete(name)
        return
      }
      case 'Replica':
        this.#replicas.remove(name)
        return
      case 'Setting':
        this.#settings.delete(name)
        return
    }
  }

  get release(): string | undefined {
    return this.#settings.get(settingNames.currentVersion)
  }

  get replenishLimit(): number | undefined {
    const value = this.#settings.get(settingNames.replenishLimit)
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
  }

  get imageCount(): number {
    return this.#images.size
  }

  get pendingImageCount(): number {
    return this.#images.pendingImages
  }

  node(name: string): Node | undefined {
    return this.#nodes.get(name)
  }

  nodes(): Iterable<Node> {
    return this.#nodes.all()
  }

  image(name: string): BackingImage | undefined {
    return this.#images.get(name)
  }

  images(): Iterable<BackingImage> {
    return this.#images.all()
  }

  imagesNotAtWork(): Iterable<BackingImage> {
    return this.#images.these(this.#atWork.others)
  }

  dataSources(): Iterable<BackingImageDataSource> {
    return this.#dataSources.values()
  }

  dataSource(name: string): BackingImageDataSource | undefined {
    return this.#dataSources.get(name)
  }

  object(kind: NamedKind, name: string): ObjectOf<NamedKind> | undefined {
    switch (kind) {
      case 'Node':
        return this.node(name)
      case 'BackingImage':
        return this.image(name)
      case 'BackingImageDataSource':
        return this.dataSource(name)
    }
  }

  ownersOf(diskUUID: string): readonly DiskOwner[] {
    return this.#nodes.ownersOf(diskUUID)
  }

  isAtWork(diskUUID: string): boolean {
    return this.#nodes.isAtWork(diskUUID)
  }

  nodesWithUnsyncedDisks(): Iterable<Node> {
    return this.#nodes.withUnsyncedDisks()
  }

  copiesOf(image: string): readonly Copy[] {
    return this.#images.copiesOf(image)
  }

  imagesOn(diskUUID: string): Iterable<BackingImage> {
    return this.#images.on(diskUUID)
  }

  pendingOf(image: string): Iterable<PendingCleanup> {
    return this.#images.pendingOf(image)
  }

  pendingOn(diskUUID: string): Iterable<PendingCleanup> {
    return this.#images.pendingOn(diskUUID)
  }

  pendingCleanups(): Iterable<PendingCleanup> {
    return this.#images.allPending()
  }

  *pendingOnNode(node: string): Iterable<PendingOnNode> {
    for (const [uuid, { disk }] of this.#nodes.disksOf(node)) {
      for (const cleanup of this.#images.pendingOn(uuid)) yield { ...cleanup, disk }
    }
  }

  *pendingOnUnownedDisks(): Iterable<PendingCleanup> {
    for (const uuid of this.#unownedPending) yield* this.#images.pendingOn(uuid)
  }

  unfinishedFirstFilesOn(diskUUID: string): Iterable<BackingImageDataSource> {
    return this.#firstFilesByDisk.get(diskUUID)
  }

  replica(name: string): Replica | undefined {
    return this.#replicas.get(name)
  }

  replicasUsing(image: string, diskUUID: string): Iterable<string> {
    return this.#replicas.using(image, diskUUID)
  }

  replicasOn(diskUUID: string): Iterable<string> {
    return this.#replicas.on(diskUUID)
  }

  managerState(diskUUID: string): string | undefined {
    const [manager] = this.#managersByDisk.get(diskUUID)
    return manager?.status.currentState
  }

  #nodesChanged(disks: ReadonlySet<string>): void {
    this.#reconsider(disks)
    for (const uuid of disks) this.#atWork.diskChanged(uuid)
  }

  #reconsider(disks: Iterable<string>): void {
    for (const uuid of disks) {
      const unowned = this.#images.pendingOn(uuid).size > 0 && !this.#nodes.isAtWork(uuid)
      if (unowned) this.#unownedPending.add(uuid)
      else this.#unownedPending.delete(uuid)
    }
  }
}

type PlacedDataSource = BackingImageDataSource & { readonly spec: { readonly diskUUID: string } }

function isUnfinished(source: BackingImageDataSource): source is PlacedDataSource {
  return !source.spec.fileTransferred && source.spec.diskUUID !== undefined
}
