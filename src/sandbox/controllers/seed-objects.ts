import { group, kinds, version } from '../../longhorn/kinds.ts'
import { settingNames } from '../../longhorn/setting.ts'
import { timestamp } from '../../time/clock.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { newCopy, replicaLabels } from './objects.ts'
import { defaultOptions } from './options.ts'
import { apiVersion, type DiskUUIDs } from './resources.ts'

/** A disk of the initial cluster. */
export interface SeedDisk {
  readonly node: string
  readonly name: string
  readonly path: string
  readonly uuid: string
}

/** A node as Longhorn writes it, before its manager has synced the disks. */
export function nodeObject(name: string, disks: readonly SeedDisk[], namespace: string): ClusterObject {
  const specs = new Map(disks.map((disk) => [disk.name, diskSpec(disk)]))
  return {
    apiVersion,
    kind: 'Node',
    metadata: { name, namespace, finalizers: ['longhorn.io'] },
    spec: {
      allowScheduling: true,
      disks: Object.fromEntries(specs),
      evictionRequested: false,
      instanceManagerCPURequest: 0,
      name,
      tags: [],
    },
  }
}

function diskSpec(disk: SeedDisk) {
  return {
    allowScheduling: true,
    diskDriver: '',
    diskType: 'filesystem',
    evictionRequested: false,
    path: disk.path,
    storageReserved: 10_737_418_240,
    tags: [],
  }
}

/** An image as Longhorn writes it, with its copies in spec. */
export function imageObject(image: SeedImage, uuids: readonly string[], namespace: string): ClusterObject {
  return {
    apiVersion,
    kind: 'BackingImage',
    metadata: { name: image.name, namespace, finalizers: ['longhorn.io'] },
    spec: {
      checksum: '',
      dataEngine: 'v1',
      diskFileSpecMap: Object.fromEntries(uuids.map((uuid) => [uuid, newCopy])),
      diskSelector: [],
      disks: {},
      minNumberOfCopies: image.minNumberOfCopies,
      nodeSelector: [],
      secret: '',
      secretNamespace: '',
      sourceParameters: { url: `https://images.example.com/${image.name}.qcow2` },
      sourceType: 'download',
    },
  }
}

/** The status of an image whose copies are all ready. */
export function imageStatus(uuids: readonly string[], owner: string, name: string, now: number) {
  const file = {
    dataEngine: 'v1',
    lastStateTransitionTime: timestamp(now),
    message: '',
    progress: 100,
    state: 'ready',
  }
  return {
    checksum: '',
    diskFileStatusMap: Object.fromEntries(uuids.map((uuid) => [uuid, file])),
    diskLastRefAtMap: {},
    ownerID: owner,
    realSize: 671_088_640,
    size: 671_088_640,
    uuid: name.slice(0, 8),
    v2FirstCopyDisk: '',
    v2FirstCopyStatus: '',
    virtualSize: 2_147_483_648,
  }
}

/** The data source of an image with a finished first file. */
export function dataSourceObject(image: SeedImage, disk: SeedDisk, namespace: string): ClusterObject {
  return {
    apiVersion,
    kind: 'BackingImageDataSource',
    metadata: { name: image.name, namespace },
    spec: {
      nodeID: disk.node,
      diskUUID: disk.uuid,
      diskPath: disk.path,
      checksum: '',
      fileTransferred: true,
      parameters: { url: `https://images.example.com/${image.name}.qcow2` },
      sourceType: 'download',
      uuid: image.name.slice(0, 8),
    },
  }
}

/** A healthy replica. */
export function replicaObject(
  replica: SeedReplica,
  index: number,
  disk: SeedDisk,
  namespace: string,
  now: number,
): ClusterObject {
  return {
    apiVersion,
    kind: 'Replica',
    metadata: {
      name: `${replica.volume}-r-${index + 1}`,
      namespace,
      labels: replicaLabels(replica.image ?? '', disk.uuid),
    },
    spec: {
      active: true,
      backingImage: replica.image ?? '',
      dataEngine: 'v1',
      desireState: 'running',
      diskID: disk.uuid,
      diskPath: disk.path,
      evictionRequested: false,
      failedAt: '',
      healthyAt: timestamp(now),
      nodeID: disk.node,
      volumeName: replica.volume,
      volumeSize: '1073741824',
    },
  }
}

/** The settings that matter here. */
export function settingObjects(options: SeedOptions): ClusterObject[] {
  const values = {
    [settingNames.currentVersion]: options.release,
    [settingNames.replenishLimit]: String(options.replenishLimit),
    'backing-image-cleanup-wait-interval': String(options.cleanupWaitMinutes),
  }
  return Object.entries(values).map(([name, value]) => ({
    apiVersion,
    kind: 'Setting',
    metadata: { name, namespace: options.namespace },
    value,
  }))
}

/** The name of a sandbox disk for people: `node-1/disk-2`. */
export type DiskName = `${string}/${string}`

/** An image of the initial cluster. */
export interface SeedImage {
  readonly name: string
  /** The disks with a ready copy. */
  readonly copies: readonly DiskName[]
  readonly minNumberOfCopies: number
}

/** A replica of the initial cluster. */
export interface SeedReplica {
  readonly volume: string
  readonly disk: DiskName
  /** The name of its backing image; absent for a volume without one. */
  readonly image?: string
}

/** The content of the initial cluster. */
export interface SeedOptions {
  readonly namespace: string
  /** The number of nodes, named `node-1`, `node-2`, … */
  readonly nodes: number
  /** The number of disks of each node, named `disk-1`, `disk-2`, … */
  readonly disksPerNode: number
  /** The value of the setting `current-longhorn-version`. */
  readonly release: string
  readonly images: readonly SeedImage[]
  readonly replicas: readonly SeedReplica[]
  /** Copies that one node may receive at a time; 0 switches replenishing off. */
  readonly replenishLimit: number
  /** Minutes after which an unused copy is cleaned up. */
  readonly cleanupWaitMinutes: number
  readonly diskUUID: DiskUUIDs
}

/** Three nodes, two images with a copy on two of them, one volume that uses one: enough for every ordering. */
export const defaultSeed: SeedOptions = {
  namespace: defaultOptions.namespace,
  nodes: 3,
  disksPerNode: 2,
  release: 'v1.8.0',
  images: [
    { name: 'ubuntu-22.04', copies: ['node-1/disk-1', 'node-2/disk-1'], minNumberOfCopies: 1 },
    { name: 'debian-12', copies: ['node-1/disk-2', 'node-3/disk-1'], minNumberOfCopies: 1 },
  ],
  replicas: [{ volume: 'pvc-web', disk: 'node-2/disk-1', image: 'ubuntu-22.04' }],
  replenishLimit: 5,
  cleanupWaitMinutes: 60,
  diskUUID: defaultOptions.diskUUID,
}

/**
 * Longhorn's CustomResourceDefinitions, as far as clients read them: the served versions, and that all fields
 * are kept.
 */
export function longhornDefinitions(): ClusterObject[] {
  return Object.entries(kinds).map(([kind, { plural, shortName }]) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), shortNames: [shortName] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          subresources: { status: {} },
        },
      ],
    },
  }))
}

/** The Deployment of Longhorn's UI. No pod runs, but it can be pointed at a proxy like Longhorn's own. */
export function longhornUi(namespace: string): ClusterObject {
  const name = 'longhorn-ui'
  const labels = { app: name }
  const env = [{ name: 'LONGHORN_MANAGER_IP', value: 'http://longhorn-backend:9500' }]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image: `longhornio/${name}`, env }] } },
    },
  }
}
