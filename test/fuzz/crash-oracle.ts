import { isDeepStrictEqual } from 'node:util'
import { allOf, copyOf, fieldsAt, keyOf, type Fields, type RawObject, type RawObjects } from './raw.ts'

// Written from the tables of longhorn.md §2, on raw JSON. It shares nothing with the rules, nor with how they read objects.

/** The behaviour of a release's managers: A and B crash, C and `none` do not. */
export type Crashing = 'A' | 'B' | 'no'

/** The releases that the fuzzed clusters have; an unknown release counts as the worst. */
export const releasesTried: ReadonlyMap<string | undefined, Crashing> = new Map<string | undefined, Crashing>(
  [
    [undefined, 'A'],
    ['v1.8.0', 'A'],
    ['v1.7.3', 'A'],
    ['v1.8.1', 'B'],
    ['v1.9.0', 'B'],
    ['v1.10.0', 'no'],
    ['v1.6.4', 'no'],
  ],
)

/** The nodes whose managers crash at their next full sync. */
export function crashingNodes(objects: RawObjects, crashing: Crashing): Set<string> {
  const found = new Set<string>()
  if (crashing === 'no') return found
  const pending = new Set(allOf(objects, 'BackingImage').flatMap(pendingDisks))
  for (const node of allOf(objects, 'Node'))
    if (crashes(node, pending, crashing)) found.add(node.metadata.name)
  return found
}

/** Disks that the image is still on, and no longer wanted on. */
function pendingDisks(image: RawObject): string[] {
  const wanted = fieldsAt(image, 'spec', 'diskFileSpecMap')
  return Object.keys(fieldsAt(image, 'status', 'diskFileStatusMap')).filter(
    (disk) => !Object.hasOwn(wanted, disk),
  )
}

function crashes(node: RawObject, pending: ReadonlySet<string>, crashing: 'A' | 'B'): boolean {
  const spec = fieldsAt(node, 'spec')
  const status = fieldsAt(node, 'status', 'diskStatus')
  const disks = Object.entries(fieldsAt(spec, 'disks'))
  const isUp = (fields: Fields): boolean => fields.evictionRequested === true
  const isWanted = (disk: unknown): boolean => isUp(spec) || isUp(fieldsAt(disk))
  if (!disks.some(([, disk]) => isWanted(disk)) && !isUp(spec)) return false
  return disks.some(([name, disk]) => {
    const { diskUUID } = fieldsAt(status, name)
    return (
      typeof diskUUID === 'string' &&
      diskUUID !== '' &&
      pending.has(diskUUID) &&
      (crashing === 'A' || isWanted(disk))
    )
  })
}

/** Nodes that crash after and did not before. */
export function newlyCrashing(before: RawObjects, after: RawObjects, crashing: Crashing): string[] {
  const found = crashingNodes(after, crashing)
  if (found.size === 0) return []
  const already = crashingNodes(before, crashing)
  return [...found].filter((node) => !already.has(node))
}

/** The objects with one put in, in the place of the one of its name. */
export function withObject(objects: RawObjects, object: RawObject): RawObjects {
  return new Map([...objects, [keyOf(object.kind, object.metadata.name), object]])
}

/** The objects without one. */
export function withoutObject(objects: RawObjects, { kind, metadata }: RawObject): RawObjects {
  const left = new Map(objects)
  left.delete(keyOf(kind, metadata.name))
  return left
}

/** True while an object waits for its finalizers: its controller does nothing but take it down. */
export function isLeaving({ metadata }: RawObject): boolean {
  return Boolean(metadata.deletionTimestamp)
}

/** True for a write of a node that only clears flags: the cure, which must never be denied. */
export function onlyClears(before: RawObject, after: RawObject): boolean {
  if (before.kind !== 'Node') return false
  const cleared = copyOf(before)
  const [flags, wanted] = [flagsOf(cleared), flagsOf(after)]
  let count = 0
  for (const [name, holder] of flags) {
    const is = wanted.get(name)?.evictionRequested
    if (holder.evictionRequested === is) continue
    if (holder.evictionRequested !== true || is !== false) return false
    holder.evictionRequested = false
    count += 1
  }
  return count > 0 && isDeepStrictEqual(cleared, after)
}

/** The flags: the node's spec, under the empty name, and each of its disks. */
function flagsOf(node: RawObject): Map<string, Fields> {
  const disks = Object.entries(fieldsAt(node, 'spec', 'disks'))
  return new Map([
    ['', fieldsAt(node, 'spec')],
    ...disks.map(([name, disk]) => [`/${name}`, fieldsAt(disk)] as const),
  ])
}
