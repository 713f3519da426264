import { settingNames } from '../../longhorn/setting.ts'
import { timestamp } from '../../time/clock.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { newCopy } from './image-object.ts'
import { apiVersion } from './resources.ts'
import { replicaLabels } from './replica-object.ts'
import type { SeedImage, SeedOptions, SeedReplica } from './seed-options.ts'

/** A disk that is made with the cluster. */
export interface SeedDisk {
  readonly node: string
  readonly name: string
  readonly path: string
  readonly uuid: string
}

/** A node as Longhorn writes it, before its manager has seen the disks. */
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

/** The status of an image all of whose copies are ready. */
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

/** The data source of an image whose first file was made long ago. */
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
