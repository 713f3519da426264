import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { diskUUID, isEvicting, type Node } from '../longhorn/node.ts'

/** What is to be emptied: a node, or one of its disks. */
export interface Target {
  readonly node: string
  /** Undefined for all disks of the node. */
  readonly disk: string | undefined
}

/** The disks of a target, as they are. */
export interface TargetDisks {
  readonly node: Node
  /** Their names in `Node.spec.disks`. */
  readonly disks: readonly string[]
  /** By name; undefined for one that Longhorn has not looked at yet. */
  readonly uuids: ReadonlyMap<string, string | undefined>
}

/** Finds a target in the disk map; undefined if there is no such node or disk. */
export function findTarget({ node: name, disk }: Target, map: DiskMapView): TargetDisks | undefined {
  const node = map.node(name)
  if (!node || (disk !== undefined && !node.spec.disks.has(disk))) return undefined
  const disks = disk === undefined ? [...node.spec.disks.keys()] : [disk]
  return { node, disks, uuids: new Map(disks.map((each) => [each, diskUUID(node, each)])) }
}

/** True if every disk of the target is being emptied. */
export function isRequested({ disk }: Target, { node, disks }: TargetDisks): boolean {
  return disk === undefined ? node.spec.evictionRequested : disks.every((each) => isEvicting(node, each))
}

/** What else is being evicted on the node: `the whole node`, `disk disk-2`. Of a whole node nothing is else. */
export function evictedBeside({ disk }: Target, { node }: TargetDisks): string[] {
  if (disk === undefined) return []
  const others = [...node.spec.disks].filter(([name, each]) => name !== disk && each.evictionRequested)
  return [
    ...(node.spec.evictionRequested ? ['the whole node'] : []),
    ...others.map(([name]) => `disk ${name}`),
  ]
}

/** True if nothing new is placed on the target. */
export function isClosed({ disk }: Target, { node, disks }: TargetDisks): boolean {
  if (!node.spec.allowScheduling) return true
  return disk !== undefined && disks.every((each) => node.spec.disks.get(each)?.allowScheduling === false)
}

/** The node as it is to be once the eviction is requested. */
export function withEviction({ disk }: Target, node: Node): Node {
  const { spec } = node
  if (disk === undefined) {
    return { ...node, spec: { ...spec, allowScheduling: false, evictionRequested: true } }
  }
  const disks = [...spec.disks].map(([name, each]) =>
    name === disk
      ? ([name, { ...each, allowScheduling: false, evictionRequested: true }] as const)
      : ([name, each] as const),
  )
  return { ...node, spec: { ...spec, disks: new Map(disks) } }
}

/** The merge patch that asks for the eviction, or, with `false`, takes its flags down and leaves scheduling closed. */
export function evictionPatch({ disk }: Target, { spec }: Node, evictionRequested: boolean): object {
  const wanted = evictionRequested ? { allowScheduling: false, evictionRequested } : { evictionRequested }
  if (disk !== undefined) return { spec: { disks: { [disk]: wanted } } }
  const flagged = [...spec.disks].filter(([, each]) => each.evictionRequested)
  if (evictionRequested || flagged.length === 0) return { spec: wanted }
  // A single disk's flag would keep the danger up, and the removals back.
  return { spec: { ...wanted, disks: Object.fromEntries(flagged.map(([name]) => [name, wanted])) } }
}
