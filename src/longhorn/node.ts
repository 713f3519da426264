import { type Static, Type } from 'typebox'
import { optional, optionalMap, type Parsed, parser, readMap } from '../json/schema.ts'
import { shortened } from '../text/plain-text.ts'
import { type Metadata, MetadataSchema, readMetadata } from './metadata.ts'
import { readRescueNote, rescueAnnotation, type RescueNote } from './rescue-note.ts'

const ConditionSchema = Type.Object({
  type: optional(Type.String()),
  status: optional(Type.String()),
  reason: optional(Type.String()),
  lastTransitionTime: optional(Type.String()),
})

const DiskSpecSchema = Type.Object({
  path: optional(Type.String()),
  diskType: optional(Type.String()),
  diskDriver: optional(Type.String()),
  allowScheduling: optional(Type.Boolean()),
  evictionRequested: optional(Type.Boolean()),
  storageReserved: optional(Type.Integer()),
  tags: optional(Type.Array(Type.String())),
})

const DiskStatusSchema = Type.Object({
  diskUUID: optional(Type.String()),
  conditions: optional(Type.Array(ConditionSchema)),
  storageAvailable: optional(Type.Integer()),
  storageMaximum: optional(Type.Integer()),
  storageScheduled: optional(Type.Integer()),
})

const FieldsSchema = Type.Object({ subresource: optional(Type.String()), time: optional(Type.String()) })

/**
 * JSON Schema of the fields of `nodes.longhorn.io` in longhorn.md §1. It leaves out the maps of replicas and images on a
 * disk: no rule needs them, and each of their entries would cost a microsecond.
 */
export const NodeSchema = Type.Object({
  metadata: Type.Object({ ...MetadataSchema.properties, managedFields: optional(Type.Array(FieldsSchema)) }),
  spec: optional(
    Type.Object({
      name: optional(Type.String()),
      allowScheduling: optional(Type.Boolean()),
      evictionRequested: optional(Type.Boolean()),
      tags: optional(Type.Array(Type.String())),
      disks: optionalMap(DiskSpecSchema),
    }),
  ),
  status: optional(
    Type.Object({
      diskStatus: optionalMap(DiskStatusSchema),
      conditions: optional(Type.Array(ConditionSchema)),
      autoEvicting: optional(Type.Boolean()),
    }),
  ),
})

/** The wanted state of one disk: an entry of `Node.spec.disks`. */
export interface DiskSpec {
  readonly path: string
  /** `filesystem` or `block`; block disks hold v2 data. */
  readonly diskType: string
  readonly allowScheduling: boolean
  readonly evictionRequested: boolean
  readonly tags: readonly string[]
}

/**
 * Why a node or a disk is not ready, from its condition `Ready` with status `False`. Longhorn sets the time
 * when the status changes, and not when the reason changes (v1.8.0 types.SetCondition).
 */
export interface NotReady {
  /** One word: `KubernetesNodeGone`, `ManagerPodDown`, `DiskFilesystemChanged`, …; may be empty. */
  readonly reason: string
  /**
   * Since when, in milliseconds since the epoch by the clock of a Longhorn manager; undefined if the
   * condition has no time.
   */
  readonly since: number | undefined
  /**
   * The latest time at which this reason can have begun, in milliseconds since the epoch by the clock of the
   * API server. The status of the node has not changed after it (kubernetes.md, The request). Absent if the
   * API server does not say it, and for disks.
   */
  readonly unchangedSince?: number
}

/** The actual state of one disk: an entry of `Node.status.diskStatus`. */
interface DiskStatus {
  /** Undefined until the node controller has synced the disk (Longhorn writes `""`). */
  readonly diskUUID: string | undefined
  readonly ready: boolean
  /** Undefined also for a disk without a condition `Ready`. */
  readonly notReady: NotReady | undefined
  readonly schedulable: boolean
}

/** A Longhorn node, `nodes.longhorn.io`; not the core node of the same name. */
export interface Node {
  readonly kind: 'Node'
  readonly metadata: Metadata
  readonly spec: {
    readonly allowScheduling: boolean
    readonly evictionRequested: boolean
    readonly tags: readonly string[]
    /** By disk name. */
    readonly disks: ReadonlyMap<string, DiskSpec>
  }
  readonly status: {
    readonly ready: boolean
    /** Undefined also for a node without a condition `Ready`. */
    readonly notReady: NotReady | undefined
    readonly schedulable: boolean
    /**
     * When it was last written, in milliseconds since the epoch by the clock of the API server, in whole seconds; absent if
     * the API server does not say it.
     */
    readonly writtenAt?: number
    /** By disk name. A disk in spec may be missing here, and the reverse. */
    readonly diskStatus: ReadonlyMap<string, DiskStatus>
  }
  /** The note of a rescue of the node; absent if there is none. */
  readonly rescue?: Parsed<RescueNote>
}

/** Parses an untrusted `nodes.longhorn.io` object. Absent booleans are false, as in Go. */
export const parseNode = parser(NodeSchema, (raw): Node => {
  const writtenAt = statusWrittenAt(raw.metadata.managedFields)
  return {
    kind: 'Node',
    metadata: readMetadata(raw.metadata),
    spec: {
      allowScheduling: raw.spec?.allowScheduling ?? false,
      evictionRequested: raw.spec?.evictionRequested ?? false,
      tags: raw.spec?.tags ?? [],
      disks: readMap(raw.spec?.disks, {}, readDiskSpec),
    },
    status: {
      ready: isTrue(raw.status?.conditions, 'Ready'),
      notReady: readNotReady(raw.status?.conditions, writtenAt),
      schedulable: isTrue(raw.status?.conditions, 'Schedulable'),
      ...(writtenAt !== undefined && { writtenAt }),
      diskStatus: readMap(raw.status?.diskStatus, {}, readDiskStatus),
    },
    ...readNote(raw.metadata.annotations?.[rescueAnnotation]),
  }
})

function readNote(text: string | null | undefined): Pick<Node, 'rescue'> {
  return text === null || text === undefined ? {} : { rescue: readRescueNote(text) }
}

function readDiskSpec(raw: Static<typeof DiskSpecSchema>): DiskSpec {
  return {
    path: raw.path ?? '',
    diskType: raw.diskType ?? '',
    allowScheduling: raw.allowScheduling ?? false,
    evictionRequested: raw.evictionRequested ?? false,
    tags: raw.tags ?? [],
  }
}

function readDiskStatus(raw: Static<typeof DiskStatusSchema>): DiskStatus {
  return {
    diskUUID: raw.diskUUID === '' ? undefined : (raw.diskUUID ?? undefined),
    ready: isTrue(raw.conditions, 'Ready'),
    notReady: readNotReady(raw.conditions),
    schedulable: isTrue(raw.conditions, 'Schedulable'),
  }
}

type Conditions = readonly Static<typeof ConditionSchema>[] | null | undefined

function readNotReady(conditions: Conditions, unchangedSince?: number): NotReady | undefined {
  const condition = conditions?.find(({ type, status }) => type === 'Ready' && status === 'False')
  if (!condition) return undefined
  const since = Date.parse(condition.lastTransitionTime ?? '')
  return {
    reason: shortened(condition.reason ?? ''),
    since: Number.isNaN(since) ? undefined : since,
    ...(unchangedSince !== undefined && { unchangedSince }),
  }
}

/** The API server records the time of each writer's last change, separately for each subresource. */
function statusWrittenAt(
  fields: readonly Static<typeof FieldsSchema>[] | null | undefined,
): number | undefined {
  let latest: number | undefined
  for (const { subresource, time } of fields ?? []) {
    if (subresource !== 'status') continue
    const at = Date.parse(time ?? '')
    if (!Number.isNaN(at)) latest = Math.max(latest ?? at, at)
  }
  return latest
}

function isTrue(conditions: Conditions, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
}

/** `gate(N)` of longhorn.md §2: an eviction flag is up, the node's own or a disk's. */
export function isFlagged(node: Node): boolean {
  if (node.spec.disks.size <= fewDisks) return hasFlag(node)
  let known = flagged.get(node)
  if (known === undefined) flagged.set(node, (known = hasFlag(node)))
  return known
}

/**
 * Computed once for each version of a node: rules ask for each copy on it, and a node can have thousands of
 * disks.
 */
const flagged = new WeakMap<Node, boolean>()

/** So many are looked at faster than the result is found again. */
const fewDisks = 16

function hasFlag({ spec }: Node): boolean {
  if (spec.evictionRequested) return true
  for (const disk of spec.disks.values()) if (disk.evictionRequested) return true
  return false
}

/** `want(N,d)` of longhorn.md §2: Longhorn has to empty this disk, by its own flag or by the node's. */
export function isEvicting(node: Node, diskName: string): boolean {
  const disk = node.spec.disks.get(diskName)
  return disk !== undefined && (node.spec.evictionRequested || disk.evictionRequested)
}

/**
 * `uuid(N,d)` of longhorn.md §2: undefined for a disk that is not in spec, or that Longhorn has not synced
 * yet.
 */
export function diskUUID(node: Node, diskName: string): string | undefined {
  return node.spec.disks.has(diskName) ? node.status.diskStatus.get(diskName)?.diskUUID : undefined
}

/** Kubernetes no longer has a node of this name. Longhorn's controller then deletes the Longhorn node. */
export const nodeGone = 'KubernetesNodeGone'

/**
 * The longhorn-manager of the node is down (Longhorn controller/node_controller.go, syncNode;
 * `KubernetesNodeDown` is of old releases). Other reasons, such as `KubernetesNodePressure`, occur while it
 * runs.
 */
const down: ReadonlySet<string> = new Set([
  'ManagerPodDown',
  'ManagerPodMissing',
  'KubernetesNodeNotReady',
  'KubernetesNodeDown',
])

/** True while no manager runs on the node: nothing marks its copies or deletes files there. */
export function isDown({ status: { notReady } }: Node): boolean {
  return notReady !== undefined && (notReady.reason === nodeGone || down.has(notReady.reason))
}

/**
 * True for a node that Kubernetes has removed: nothing runs there. While only its manager is down, replicas
 * may run.
 */
export function isGone({ status: { notReady } }: Node): boolean {
  return notReady?.reason === nodeGone
}

/** True for a node that is up and stays, if the disk is not known to be broken. */
export function isAtWork(node: Node, disk: string): boolean {
  if (isDown(node) || node.metadata.terminating) return false
  return node.status.diskStatus.get(disk)?.notReady === undefined
}
