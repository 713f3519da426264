import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../../longhorn/node.ts'
import { type Flags, rescueAnnotation, type RescueNote, rescueNoteText } from '../../longhorn/rescue-note.ts'

/** A merge patch of a Longhorn node. */
export interface NodePatch {
  readonly metadata: { readonly annotations: Readonly<Record<string, string | null>> }
  readonly spec?: object
}

/** No flag at all. */
export const noFlags: Flags = { node: false, disks: [] }

/** The flags that are up on a node. */
export function flagsUp({ spec }: Node): Flags {
  const disks = [...spec.disks].filter(([, disk]) => disk.evictionRequested).map(([name]) => name)
  return { node: spec.evictionRequested, disks: disks.toSorted() }
}

/** Those of either. */
export function bothFlags(one: Flags, other: Flags): Flags {
  return {
    node: one.node || other.node,
    disks: [...new Set([...one.disks, ...other.disks])].toSorted(),
  }
}

/** Those that are in both. */
export function commonFlags(one: Flags, other: Flags): Flags {
  return { node: one.node && other.node, disks: one.disks.filter((disk) => other.disks.includes(disk)) }
}

/** The noted flags that can be raised still: those that are down, of disks that the node still has. */
export function toRaise(noted: Flags, node: Node): Flags {
  const up = flagsUp(node)
  return {
    node: noted.node && !up.node,
    disks: noted.disks.filter((disk) => node.spec.disks.has(disk) && !up.disks.includes(disk)),
  }
}

/** Those of what is closed for scheduling. Longhorn accepts no other ones (longhorn.md §4). */
export function onClosed({ node, disks }: Flags, { spec }: Node): Flags {
  return {
    node: node && !spec.allowScheduling,
    disks: disks.filter((disk) => spec.disks.get(disk)?.allowScheduling === false),
  }
}

/** True if there is none. */
export function isNone(flags: Flags): boolean {
  return isDeepStrictEqual({ node: flags.node, disks: flags.disks }, noFlags)
}

/** The node as it is to be once these flags are up too. */
export function withFlags(node: Node, flags: Flags): Node {
  const disks = [...node.spec.disks].map(
    ([name, disk]) =>
      [name, { ...disk, evictionRequested: disk.evictionRequested || flags.disks.includes(name) }] as const,
  )
  const evictionRequested = node.spec.evictionRequested || flags.node
  return { ...node, spec: { ...node.spec, evictionRequested, disks: new Map(disks) } }
}

/**
 * The merge patch that takes the noted flags of a node down and notes them on it. It is one write, so that no flag goes
 * down without being noted. A flag that is down already is left out: its disk may be gone, and would come into being.
 */
export function clearPatch(node: Node, note: RescueNote): NodePatch {
  const up = flagsUp(node)
  const clearing = { node: note.node && up.node, disks: up.disks.filter((disk) => note.disks.includes(disk)) }
  return {
    metadata: { annotations: { [rescueAnnotation]: rescueNoteText(note) } },
    spec: flagsAs(clearing, false),
  }
}

/** The merge patch that raises flags and takes the note away, in one write too. */
export function raisePatch(flags: Flags): NodePatch {
  return { ...forgetPatch, spec: flagsAs(flags, true) }
}

/** The merge patch that writes another note, and leaves the flags as they are. */
export function notePatch(note: RescueNote): NodePatch {
  return { metadata: { annotations: { [rescueAnnotation]: rescueNoteText(note) } } }
}

/** The merge patch that makes the note of a guard one of a person's command: no guard raises its flags then. */
export function takeOverPatch({ rescue }: Node, by: string): NodePatch {
  return rescue?.ok === true ? notePatch({ ...withoutGuard(rescue.value), by }) : forgetPatch
}

function withoutGuard({ node, disks, at, by }: RescueNote): RescueNote {
  return { node, disks, at, by }
}

/** The noted flags of a node, or that of one disk; none if nothing of it is noted. @param disk undefined for all */
export function notedFlags({ rescue }: Node, disk?: string): Flags {
  if (rescue?.ok !== true) return noFlags
  const { node, disks } = rescue.value
  return disk === undefined ? { node, disks } : { node: false, disks: disks.filter((name) => name === disk) }
}

/** The merge patch after which these flags are not noted any more; undefined if they are not. */
export function unnotePatch(node: Node, disk?: string): NodePatch | undefined {
  if (isNone(notedFlags(node, disk)) || node.rescue?.ok !== true) return undefined
  const note = node.rescue.value
  const left = {
    node: disk !== undefined && note.node,
    disks: note.disks.filter((name) => disk !== undefined && name !== disk),
  }
  return isNone(left) ? forgetPatch : notePatch({ ...note, ...left })
}

/** The merge patch that takes the note away. */
export const forgetPatch: NodePatch = { metadata: { annotations: { [rescueAnnotation]: null } } }

function flagsAs({ node, disks }: Flags, evictionRequested: boolean): object {
  return {
    ...(node && { evictionRequested }),
    ...(disks.length > 0 && {
      disks: Object.fromEntries(disks.map((disk) => [disk, { evictionRequested }])),
    }),
  }
}

/** `the flag of the node`, `the flags of the node, disk-1 and disk-2`. */
export function flagsInWords({ node, disks }: Flags): string {
  const of = [...(node ? ['the node'] : []), ...disks]
  const last = of.at(-1) ?? 'nothing'
  const list = of.length > 1 ? `${of.slice(0, -1).join(', ')} and ${last}` : last
  return `the flag${of.length > 1 ? 's' : ''} of ${list}`
}
