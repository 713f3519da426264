import type { Kind } from '../../longhorn/kinds.ts'
import { settingNames } from '../../longhorn/setting.ts'
import type { ClusterClient, ClusterObject, ResourceName } from '../cluster-client.ts'
import { text } from '../json.ts'
import {
  type BackingImageManagerObject,
  type DataSourceObject,
  type Disk,
  type ImageObject,
  type NodeObject,
  readBackingImageManager,
  readDataSource,
  readImage,
  readNode,
  readReplica,
  type ReplicaObject,
} from './objects.ts'
import { resources } from './resources.ts'

/** All objects that the controllers read, from about the same time. */
export interface Snapshot {
  readonly nodes: ReadonlyMap<string, NodeObject>
  readonly images: ReadonlyMap<string, ImageObject>
  readonly dataSources: ReadonlyMap<string, DataSourceObject>
  readonly replicas: readonly ReplicaObject[]
  /** The synced disks of all nodes, by UUID. */
  readonly disks: ReadonlyMap<string, Disk>
  /** By the UUID of their disk. */
  readonly backingImageManagers: ReadonlyMap<string, BackingImageManagerObject>
  /** The UUIDs of the disks whose backing image manager runs: only there files can be made or deleted. */
  readonly runningDisks: ReadonlySet<string>
  readonly settings: ReadonlyMap<string, string>
  /** The release in the setting; undefined without the setting. */
  readonly release: string | undefined
}

/** The controllers' view of the cluster, read again only after a change. */
export class ClusterView {
  readonly #client: ClusterClient
  readonly #namespace: string
  #generation = 0
  #cached: { readonly generation: number; readonly reading: Promise<Snapshot> } | undefined

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  /** Something changed: the last read, or the one in progress, is out of date. */
  invalidate(): void {
    this.#generation++
  }

  /** Has at least everything that was committed before the call. */
  async current(): Promise<Snapshot> {
    if (this.#cached?.generation !== this.#generation)
      this.#cached = { generation: this.#generation, reading: this.#read() }
    const { reading } = this.#cached
    try {
      return await reading
    } catch (error) {
      // A failed read is not kept: the next call reads again.
      if (this.#cached.reading === reading) this.#cached = undefined
      throw error
    }
  }

  async #read(): Promise<Snapshot> {
    const list = (kind: keyof typeof resources) => this.#client.list(resources[kind], this.#namespace)
    const [nodes, images, dataSources, replicas, managers, settings] = await Promise.all([
      list('Node'),
      list('BackingImage'),
      list('BackingImageDataSource'),
      list('Replica'),
      list('BackingImageManager'),
      list('Setting'),
    ])
    return snapshotOf({
      Node: nodes,
      BackingImage: images,
      BackingImageDataSource: dataSources,
      Replica: replicas,
      BackingImageManager: managers,
      Setting: settings,
    })
  }
}

/** Makes the controllers' view from all objects of each kind. */
export function snapshotOf(raw: Readonly<Record<Kind, readonly ClusterObject[]>>): Snapshot {
  const nodes = byName(raw.Node.map(readNode))
  const disks = [...nodes.values()].flatMap((node) => node.disks).filter((disk) => disk.uuid !== '')
  const managers = raw.BackingImageManager.map(readBackingImageManager)
  const settings = new Map(raw.Setting.map((setting) => [setting.metadata.name, text(setting.value)]))
  return {
    nodes,
    images: byName(raw.BackingImage.map(readImage)),
    dataSources: byName(raw.BackingImageDataSource.map(readDataSource)),
    replicas: raw.Replica.map(readReplica),
    disks: new Map(disks.map((disk) => [disk.uuid, disk])),
    backingImageManagers: new Map(managers.map((manager) => [manager.diskUUID, manager])),
    runningDisks: new Set(managers.flatMap(({ diskUUID, running }) => (running ? [diskUUID] : []))),
    settings,
    release: settings.get(settingNames.currentVersion),
  }
}

/** Made once: a comparison that makes its own takes a hundred times as long. */
const { compare } = new Intl.Collator('en', { numeric: true })

/** Sorted, so that every run chooses the same disks. */
function byName<T extends { readonly name: string }>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.toSorted((a, b) => compare(a.name, b.name)).map((entry) => [entry.name, entry]))
}

/**
 * One subscription to all of Longhorn's kinds, from an API server that has one for each resource. Events and
 * Leases are left out: no controller reads them.
 *
 * @param subscribeTo calls the listener after each commit of a resource; the returned function ends that
 */
export function subscribeToLonghorn(
  subscribeTo: (resource: ResourceName, listener: () => void) => () => void,
): (listener: () => void) => () => void {
  return (listener) => {
    const ends = Object.values(resources).map((resource) => subscribeTo(resource, listener))
    return () => {
      for (const end of ends) end()
    }
  }
}
