import { timestamp } from '../../time/clock.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { isFrom } from '../../longhorn/releases.ts'
import { amount, entries, type JsonObject, list, object, text } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { type Disk, readNode } from './objects.ts'
import type { DiskUUIDs } from './resources.ts'

/** The size of every disk of the sandbox, in bytes. */
const diskSize = 107_374_182_400

/** The size of a replica whose volume has none, in bytes. */
const replicaSize = 1_073_741_824

/** The inputs of a node's status. */
interface NodeStatusContext {
  /** The contents of the disks. */
  readonly snapshot: Pick<Snapshot, 'images' | 'replicas' | 'release'>
  readonly diskUUID: DiskUUIDs
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The node with an updated status: every disk of spec has an entry with its UUID, and a disk that left spec
 * has none.
 */
export function withNodeStatus(raw: ClusterObject, context: NodeStatusContext): ClusterObject {
  const status = object(raw.status)
  const before = entries(status.diskStatus)
  const node = readNode(raw)
  const diskStatus = node.disks.map(
    (disk) => [disk.name, statusOf(disk, before.get(disk.name), context)] as const,
  )
  return {
    ...raw,
    status: {
      region: '',
      zone: '',
      snapshotCheckStatus: {},
      ...status,
      autoEvicting: false,
      conditions: nodeConditions(status.conditions, node.name, undefined, context.now),
      diskStatus: Object.fromEntries(diskStatus),
    },
  }
}

/** The status of a node whose manager, or whose machine, is down. The entries of its disks stay. */
export function withNotReady(raw: ClusterObject, notReady: NotReady, now: number): ClusterObject {
  const status = object(raw.status)
  const conditions = nodeConditions(status.conditions, raw.metadata.name, notReady, now)
  return { ...raw, status: { ...status, conditions } }
}

function statusOf(disk: Disk, before: JsonObject | undefined, context: NodeStatusContext): JsonObject {
  const found = context.diskUUID(disk.node, disk.path)
  const uuid = disk.uuid === '' ? found : disk.uuid
  // Longhorn then takes the disk for empty (longhorn.md §1).
  const isChanged = uuid !== found
  const replicas = context.snapshot.replicas.filter(({ diskID }) => !isChanged && diskID === uuid)
  const images = [...context.snapshot.images.values()].filter(({ specs }) => !isChanged && specs.has(uuid))
  const scheduledReplica = new Map(
    replicas.map(({ name, raw }) => [name, Number(text(object(raw.spec).volumeSize)) || replicaSize]),
  )
  const scheduledImage = new Map(images.map(({ name, raw }) => [name, amount(object(raw.status).size)]))
  const used = sumOf(scheduledReplica) + sumOf(scheduledImage)
  const release = context.snapshot.release ?? ''
  return {
    diskDriver: '',
    diskName: disk.name,
    diskPath: disk.path,
    diskType: disk.diskType,
    diskUUID: uuid,
    filesystemType: 'ext2/ext3',
    instanceManagerName: '',
    storageMaximum: diskSize,
    ...before,
    conditions: diskConditions(before?.conditions, disk, isChanged, context.now),
    scheduledReplica: Object.fromEntries(scheduledReplica),
    scheduledBackingImage: Object.fromEntries(scheduledImage),
    storageAvailable: diskSize - used,
    // Longhorn 1.7 counts no images (longhorn.md §4).
    storageScheduled: sumOf(scheduledReplica) + (isFrom(release, [1, 8, 0]) ? sumOf(scheduledImage) : 0),
  }
}

function sumOf(sizes: ReadonlyMap<string, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

/** Why a node is not ready, in Longhorn's words. */
export type NotReady = 'ManagerPodDown' | 'KubernetesNodeNotReady' | 'KubernetesNodeGone'

/** The conditions of a node. */
function nodeConditions(
  before: unknown,
  node: string,
  notReady: NotReady | undefined,
  now: number,
): JsonObject[] {
  const ready = notReady ? whyNotReady[notReady](node) : `Node ${node} is ready`
  return [
    condition(
      before,
      { type: 'Ready', status: notReady ? 'False' : 'True', reason: notReady ?? '', message: ready },
      now,
    ),
    condition(before, { type: 'Schedulable', status: 'True', reason: '', message: '' }, now),
  ]
}

/** @param isChanged whether longhorn-disk.cfg on the disk has another UUID than its status */
function diskConditions(
  before: unknown,
  { name, path, node }: Disk,
  isChanged: boolean,
  now: number,
): JsonObject[] {
  const its = `Disk ${name}(${path}) on node ${node}`
  const ready = isChanged
    ? {
        status: 'False',
        reason: 'DiskFilesystemChanged',
        message: `${its} is not ready: it has another UUID`,
      }
    : { status: 'True', reason: '', message: `${its} is ready` }
  return [
    condition(before, { type: 'Ready', ...ready }, now),
    condition(before, { type: 'Schedulable', status: 'True', reason: '', message: '' }, now),
  ]
}

const whyNotReady: Readonly<Record<NotReady, (node: string) => string>> = {
  ManagerPodDown: (node) => `Node ${node} is down: manager pod longhorn-manager-${node} is not running`,
  KubernetesNodeNotReady: (node) => `Kubernetes node ${node} not ready: NodeStatusUnknown`,
  KubernetesNodeGone: (node) => `Kubernetes node missing: node ${node} has been removed from the cluster`,
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** Keeps the time of the last transition as long as the status stays. */
function condition(before: unknown, next: Condition, now: number): JsonObject {
  const old = list(before)
    .map(object)
    .find((candidate) => candidate.type === next.type)
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : timestamp(now)
  return { ...next, lastProbeTime: '', lastTransitionTime }
}
