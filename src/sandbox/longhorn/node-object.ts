import type { ClusterObject } from '../cluster-client.ts'
import { entries, flag, list, object, text, texts } from '../json.ts'

/** One disk of a node, spec and status together. */
export interface Disk {
  readonly node: string
  readonly name: string
  readonly path: string
  /** `filesystem` or `block`. */
  readonly diskType: string
  /** Empty until the node's manager has synced the disk. */
  readonly uuid: string
  /** True while it is to be emptied, by its own flag or the node's. */
  readonly evicting: boolean
  /** True when a new copy or replica may be put here. */
  readonly schedulable: boolean
  /** The disk's own tags. */
  readonly tags: readonly string[]
  /** The tags of its node. */
  readonly nodeTags: readonly string[]
}

/** A `nodes.longhorn.io` object as the controllers look at it. */
export interface NodeObject {
  readonly name: string
  /** True while any eviction flag is up, its own or a disk's. */
  readonly flagged: boolean
  /** The disks of spec. */
  readonly disks: readonly Disk[]
  readonly raw: ClusterObject
}

/** Reads a node; what is missing is false or empty. */
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
