import { createHash } from 'node:crypto'
import type { ClusterObject } from '../cluster-client.ts'
import { amount, entries, flag, type JsonObject, list, object, text, textEntries, texts } from '../json.ts'
import { apiVersion } from './resources.ts'

/** One disk of a node, spec and status together. */
export interface Disk {
  readonly node: string
  readonly name: string
  readonly path: string
  /** `filesystem` or `block`. */
  readonly diskType: string
  /** Empty until the node's manager has synced the disk. */
  readonly uuid: string
  /** True while it is evicted, by its own flag or the node's. */
  readonly evicting: boolean
  /** True if it can take a new copy or replica. */
  readonly schedulable: boolean
  /** The disk's own tags. */
  readonly tags: readonly string[]
  /** The tags of its node. */
  readonly nodeTags: readonly string[]
}

/** A `nodes.longhorn.io` object as the controllers use it. */
export interface NodeObject {
  readonly name: string
  /** True while an eviction flag is up, its own or a disk's. */
  readonly flagged: boolean
  /** The disks of spec. */
  readonly disks: readonly Disk[]
  readonly raw: ClusterObject
}

/** Reads a node; missing fields are false or empty. */
export function readNode(raw: ClusterObject): NodeObject {
  const spec = object(raw.spec)
  const status = object(raw.status)
  const diskStatus = entries(status.diskStatus)
  const evicting = flag(spec.evictionRequested)
  const nodeSchedulable = flag(spec.allowScheduling) && !evicting && isTrue(status.conditions, 'Ready')
  const disks = [...entries(spec.disks)].map(([name, disk]): Disk => {
    const seen = diskStatus.get(name)
    const uuid = text(seen?.diskUUID)
    const diskEvicting = flag(disk.evictionRequested)
    return {
      node: raw.metadata.name,
      name,
      path: text(disk.path),
      diskType: text(disk.diskType),
      uuid,
      evicting: evicting || diskEvicting,
      schedulable:
        nodeSchedulable &&
        flag(disk.allowScheduling) &&
        !diskEvicting &&
        uuid !== '' &&
        isTrue(seen?.conditions, 'Ready') &&
        isTrue(seen?.conditions, 'Schedulable'),
      tags: texts(disk.tags),
      nodeTags: texts(spec.tags),
    }
  })
  return { name: raw.metadata.name, flagged: disks.some((disk) => disk.evicting) || evicting, disks, raw }
}

function isTrue(conditions: unknown, type: string): boolean {
  return list(conditions)
    .map(object)
    .some((condition) => condition.type === type && condition.status === 'True')
}

/** One file of an image, an entry of `status.diskFileStatusMap`. */
export interface FileStatus {
  readonly state: string
  /** Percent. */
  readonly progress: number
  readonly message: string
  readonly dataEngine: string
  /** RFC 3339. */
  readonly lastStateTransitionTime: string
}

/** A `backingimages.longhorn.io` object as the controllers use it. */
export interface ImageObject {
  readonly name: string
  readonly terminating: boolean
  readonly minNumberOfCopies: number
  readonly nodeSelector: readonly string[]
  readonly diskSelector: readonly string[]
  /** `spec.diskFileSpecMap` by disk UUID, each entry in its stored form. */
  readonly specs: ReadonlyMap<string, JsonObject>
  /** `status.diskFileStatusMap` by disk UUID. */
  readonly files: ReadonlyMap<string, FileStatus>
  /** `status.diskLastRefAtMap` by disk UUID: since when the copy is unused, RFC 3339. */
  readonly unusedSince: ReadonlyMap<string, string>
  /** The node whose manager works on the image. */
  readonly ownerID: string
  readonly raw: ClusterObject
}

/** Reads an image; missing fields are false or empty. */
export function readImage(raw: ClusterObject): ImageObject {
  const spec = object(raw.spec)
  const status = object(raw.status)
  return {
    name: raw.metadata.name,
    terminating: raw.metadata.deletionTimestamp !== undefined,
    minNumberOfCopies: Math.max(1, amount(spec.minNumberOfCopies)),
    nodeSelector: texts(spec.nodeSelector),
    diskSelector: texts(spec.diskSelector),
    specs: entries(spec.diskFileSpecMap),
    files: new Map([...entries(status.diskFileStatusMap)].map(([uuid, file]) => [uuid, readFile(file)])),
    unusedSince: textEntries(status.diskLastRefAtMap),
    ownerID: text(status.ownerID),
    raw,
  }
}

/** The object with another `spec.diskFileSpecMap`. */
export function withSpecs(raw: ClusterObject, specs: ReadonlyMap<string, JsonObject>): ClusterObject {
  return { ...raw, spec: { ...object(raw.spec), diskFileSpecMap: Object.fromEntries(specs) } }
}

/** The entry of `spec.diskFileSpecMap` for a new copy, as Longhorn writes it. */
export const newCopy: JsonObject = { dataEngine: 'v1', evictionRequested: false }

function readFile(file: JsonObject): FileStatus {
  return {
    state: text(file.state),
    progress: amount(file.progress),
    message: text(file.message),
    dataEngine: text(file.dataEngine),
    lastStateTransitionTime: text(file.lastStateTransitionTime),
  }
}

/** A `replicas.longhorn.io` object as the controllers use it. */
export interface ReplicaObject {
  readonly name: string
  readonly volumeName: string
  readonly nodeID: string
  /** The UUID of its disk. */
  readonly diskID: string
  /** Empty for a volume without a backing image. */
  readonly backingImage: string
  readonly evictionRequested: boolean
  /** False during its rebuild. */
  readonly healthy: boolean
  readonly terminating: boolean
  readonly raw: ClusterObject
}

/** Reads a replica; missing fields are false or empty. */
export function readReplica(raw: ClusterObject): ReplicaObject {
  const spec = object(raw.spec)
  return {
    name: raw.metadata.name,
    volumeName: text(spec.volumeName),
    nodeID: text(spec.nodeID),
    diskID: text(spec.diskID),
    backingImage: text(spec.backingImage),
    evictionRequested: flag(spec.evictionRequested),
    healthy: text(spec.healthyAt) !== '',
    terminating: raw.metadata.deletionTimestamp !== undefined,
    raw,
  }
}

/** The name of a replacement replica. It follows from the old name, so only one is ever made. */
export function replacementName(replica: ReplicaObject): string {
  const hash = createHash('sha256').update(replica.name).digest('hex').slice(0, 8)
  return `${replica.volumeName}-r-${hash}`
}

/** The labels that Longhorn sets with each write of a replica; empty values for missing facts. */
export function replicaLabels(backingImage: string, diskUUID: string): Record<string, string> {
  return { 'longhorn.io/backing-image': backingImage, longhorndiskuuid: diskUUID }
}

/** A `backingimagemanagers.longhorn.io` object as the controllers use it. */
export interface BackingImageManagerObject {
  readonly name: string
  readonly nodeID: string
  readonly diskUUID: string
  /** While it is down, files on its disk neither come nor go. */
  readonly running: boolean
}

/** Reads a backing image manager; missing fields are false or empty. */
export function readBackingImageManager(raw: ClusterObject): BackingImageManagerObject {
  const spec = object(raw.spec)
  return {
    name: raw.metadata.name,
    nodeID: text(spec.nodeID),
    diskUUID: text(spec.diskUUID),
    running: object(raw.status).currentState === 'running',
  }
}

/** The backing image manager of a disk, for its creation. */
export function backingImageManager(
  disk: Pick<Disk, 'node' | 'uuid' | 'path'>,
  namespace: string,
): ClusterObject {
  return {
    apiVersion,
    kind: 'BackingImageManager',
    metadata: { name: `backing-image-manager-${disk.uuid.slice(0, 8)}`, namespace },
    spec: {
      image: 'longhornio/backing-image-manager',
      nodeID: disk.node,
      diskUUID: disk.uuid,
      diskPath: disk.path,
      backingImages: {},
    },
  }
}

/** A `backingimagedatasources.longhorn.io` object as the controllers use it. */
export interface DataSourceObject {
  /** The name of its image. */
  readonly name: string
  readonly diskUUID: string
  /** True once the first file counts as a copy. */
  readonly fileTransferred: boolean
  /** The state of the first file: `starting`, `in-progress`, `ready-for-transfer`, `ready`. */
  readonly currentState: string
  /** Percent. */
  readonly progress: number
}

/** Reads a data source; missing fields are false or empty. */
export function readDataSource(raw: ClusterObject): DataSourceObject {
  const spec = object(raw.spec)
  const status = object(raw.status)
  return {
    name: raw.metadata.name,
    diskUUID: text(spec.diskUUID),
    fileTransferred: flag(spec.fileTransferred),
    currentState: text(status.currentState),
    progress: amount(status.progress),
  }
}

/** True for the disk where the image's first file is in progress. */
export function isFirstFile(
  source: DataSourceObject | undefined,
  diskUUID: string,
): source is DataSourceObject {
  return source !== undefined && !source.fileTransferred && source.diskUUID === diskUUID
}
