import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isEvicting, isFlagged, type Node } from '../../longhorn/node.ts'
import { isNone, notedFlags, unnotePatch } from '../../rules/rescue/flags.ts'
import { targetName } from './next-step.ts'
import { findTarget, type Target, type TargetDisks } from './remains.ts'
import type { ObjectPatch } from './writes.ts'

/** Marks of one image that Longhorn would still evict copies by, though no flag asks for it. */
interface Marks {
  readonly image: string
  /** The UUIDs of the disks whose copy is marked. */
  readonly disks: readonly string[]
}

/** What puts a node, or a disk, back in service next; told from the cluster alone. */
export type Reopening =
  /** Take the flags down, and open scheduling. @property noted present if a rescue has noted flags, to raise them again */
  | {
      readonly step: 'open'
      readonly flags: readonly string[]
      readonly closed: boolean
      readonly noted?: true
    }
  /** Clear the marks that the eviction has left on copies: they stay when the flag goes down. */
  | { readonly step: 'unmark'; readonly marks: readonly Marks[] }
  | { readonly step: 'done' }
  | { readonly step: 'impossible'; readonly problem: string }

/**
 * The next step of putting a target back in service. Of a whole node all flags go down, and the node itself is opened: its
 * disks that are closed by themselves stay so, since an eviction of the node has not closed them.
 */
export function nextReopening(target: Target, map: DiskMapView): Reopening {
  const found = findTarget(target, map)
  if (!found) return { step: 'impossible', problem: `there is no ${targetName(target)}` }
  const { node } = found
  if (target.disk !== undefined && node.spec.evictionRequested) {
    const problem = `an eviction is requested on the whole node ${target.node}: reopen that (without --disk)`
    return { step: 'impossible', problem }
  }
  const flags = flagsOf(target, node)
  const closed = isClosed(target, node)
  const noted = !isNone(notedFlags(node, target.disk))
  if (closed || flags.length > 0 || noted)
    return { step: 'open', flags, closed, ...(noted && { noted: true }) }
  const marks = marksOn(found, map)
  return marks.length > 0 ? { step: 'unmark', marks } : { step: 'done' }
}

/**
 * The merge patch that takes the flags down and opens scheduling, and takes away what a rescue has noted of them; undefined
 * where all is so.
 */
export function reopenPatch(target: Target, node: Node): ObjectPatch | undefined {
  const { disk } = target
  const unnoted = unnotePatch(node, disk)
  const flagged = [...node.spec.disks].filter(([, { evictionRequested }]) => evictionRequested)
  if (flagsOf(target, node).length === 0 && !isClosed(target, node)) return unnoted
  const open = { allowScheduling: true, evictionRequested: false }
  if (disk !== undefined) return { ...unnoted, spec: { disks: { [disk]: open } } }
  const disks = Object.fromEntries(flagged.map(([name]) => [name, { evictionRequested: false }]))
  return { ...unnoted, spec: { ...open, ...(flagged.length > 0 && { disks }) } }
}

/** The merge patch of an image that clears marks on these disks; undefined where none is left. */
export function unmarkPatch(
  disks: readonly string[],
  specs: ReadonlyMap<string, { readonly evictionRequested: boolean }>,
): ObjectPatch | undefined {
  const marked = disks.filter((uuid) => specs.get(uuid)?.evictionRequested === true)
  if (marked.length === 0) return undefined
  const cleared = Object.fromEntries(marked.map((uuid) => [uuid, { evictionRequested: false }]))
  return { spec: { diskFileSpecMap: cleared } }
}

/** The disks that stay closed by themselves when their node is opened. */
export function stillClosed({ node, disk }: Target, map: DiskMapView): string[] {
  if (disk !== undefined) return []
  const disks = [...(map.node(node)?.spec.disks ?? [])]
  return disks.filter(([, { allowScheduling }]) => !allowScheduling).map(([name]) => name)
}

/** `the node`, `disk disk-2` */
function flagsOf({ disk }: Target, node: Node): string[] {
  if (!isFlagged(node)) return []
  const disks = [...node.spec.disks].filter(
    ([name, { evictionRequested }]) => evictionRequested && (disk === undefined || name === disk),
  )
  return [
    ...(disk === undefined && node.spec.evictionRequested ? ['the node'] : []),
    ...disks.map(([name]) => `disk ${name}`),
  ]
}

function isClosed({ disk }: Target, { spec }: Node): boolean {
  return disk === undefined ? !spec.allowScheduling : spec.disks.get(disk)?.allowScheduling === false
}

function isWanted(uuid: string, map: DiskMapView): boolean {
  return map.ownersOf(uuid).some(({ node: name, disk }) => {
    const node = map.node(name)
    return node !== undefined && isEvicting(node, disk)
  })
}

function marksOn({ uuids }: TargetDisks, map: DiskMapView): Marks[] {
  const marks = new Map<string, string[]>()
  for (const uuid of new Set(uuids.values())) {
    // A disk may be on two nodes, by its UUID, and be emptied on the other.
    if (uuid === undefined || isWanted(uuid, map)) continue
    for (const { metadata, spec } of map.imagesOn(uuid)) {
      if (metadata.terminating || spec.diskFileSpecMap.get(uuid)?.evictionRequested !== true) continue
      marks.set(metadata.name, [...(marks.get(metadata.name) ?? []), uuid])
    }
  }
  return [...marks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([image, disks]) => ({ image, disks }))
}
