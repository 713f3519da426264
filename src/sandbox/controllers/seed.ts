import { ApiError, type ClusterClient, type ClusterObject, type ResourceName } from '../cluster-client.ts'
import { withNodeStatus } from './node-status.ts'
import { backingImageManager } from './objects.ts'
import { namespaces, resources } from './resources.ts'
import {
  dataSourceObject,
  defaultSeed,
  type DiskName,
  imageObject,
  imageStatus,
  nodeObject,
  replicaObject,
  type SeedDisk,
  type SeedOptions,
  settingObjects,
} from './seed-objects.ts'

/** The content of a seeded cluster. */
export interface SeededCluster {
  readonly nodes: readonly string[]
  readonly disks: readonly SeedDisk[]
  /** @throws Error for an unknown disk */
  readonly uuidOf: (disk: DiskName) => string
}

/**
 * Fills an empty cluster with Longhorn's objects, in the shapes Longhorn writes, without pending work: each
 * disk synced, each copy ready.
 *
 * @param client of a user who may write everything
 * @param now milliseconds since 1970, for the times in status
 * @throws ApiError if the cluster denies an object, e.g. because it is not empty
 * @throws Error if an image or a replica names an unknown disk
 */
export async function seed(
  client: ClusterClient,
  now: number,
  options: Partial<SeedOptions> = {},
): Promise<SeededCluster> {
  const wanted = { ...defaultSeed, ...options }
  const { namespace } = wanted
  const cluster = layOut(wanted)
  const diskOf = (name: DiskName) => cluster.disks.find((disk) => disk.uuid === cluster.uuidOf(name))
  await createNamespace(client, namespace)
  for (const setting of settingObjects(wanted)) await client.create(resources.Setting, setting)
  for (const node of cluster.nodes) {
    const disks = cluster.disks.filter((disk) => disk.node === node)
    const created = await client.create(resources.Node, nodeObject(node, disks, namespace))
    const empty = { images: new Map(), replicas: [], release: wanted.release }
    const context = { snapshot: empty, diskUUID: wanted.diskUUID, now }
    await client.updateStatus(resources.Node, withNodeStatus(created, context))
  }
  for (const disk of cluster.disks) {
    await createWithStatus(client, resources.BackingImageManager, backingImageManager(disk, namespace), {
      currentState: 'running',
      ownerID: disk.node,
    })
  }
  for (const image of wanted.images) {
    const uuids = image.copies.map(cluster.uuidOf)
    const first = cluster.disks.find((disk) => disk.uuid === uuids[0])
    // The data source first: an image without one would be given another.
    if (first) {
      const source = dataSourceObject(image, first, namespace)
      await createWithStatus(client, resources.BackingImageDataSource, source, {
        currentState: 'ready',
        progress: 100,
        ownerID: first.node,
      })
    }
    const status = imageStatus(uuids, first?.node ?? '', image.name, now)
    await createWithStatus(client, resources.BackingImage, imageObject(image, uuids, namespace), status)
  }
  for (const [index, replica] of wanted.replicas.entries()) {
    const disk = diskOf(replica.disk)
    if (disk) await client.create(resources.Replica, replicaObject(replica, index, disk, namespace, now))
  }
  return cluster
}

function layOut(options: SeedOptions): SeededCluster {
  const nodes = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`)
  const disks = nodes.flatMap((node) =>
    Array.from({ length: options.disksPerNode }, (_, index): SeedDisk => {
      const path = index === 0 ? '/var/lib/longhorn/' : `/mnt/disk-${index + 1}/`
      return { node, name: `disk-${index + 1}`, path, uuid: options.diskUUID(node, path) }
    }),
  )
  const uuids = new Map(disks.map((disk) => [`${disk.node}/${disk.name}`, disk.uuid]))
  const uuidOf = (disk: DiskName): string => {
    const uuid = uuids.get(disk)
    if (uuid === undefined)
      throw new Error(`the sandbox has no disk ${disk}, only ${[...uuids.keys()].join(', ')}`)
    return uuid
  }
  return { nodes, disks, uuidOf }
}

async function createWithStatus(
  client: ClusterClient,
  resource: ResourceName,
  wanted: ClusterObject,
  status: Readonly<Record<string, unknown>>,
): Promise<void> {
  const created = await client.create(resource, wanted)
  await client.updateStatus(resource, { ...created, status })
}

/** The namespace may exist: an API server creates some by itself. */
async function createNamespace(client: ClusterClient, name: string): Promise<void> {
  try {
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  } catch (error) {
    if (!(error instanceof ApiError && error.status.reason === 'AlreadyExists')) throw error
  }
}
