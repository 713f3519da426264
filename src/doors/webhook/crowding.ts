import { fieldOf } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'

/**
 * The maximum of disks of a node, or copies of an image, that are judged: twice as many as 500 nodes with ten
 * disks have together. Reading and judging them takes 50 ms, in which no other request is answered.
 */
export const mostEntries = 10_000

type MapIn = readonly [part: string, map: string]

/** For every kind. */
const annotations: MapIn = ['metadata', 'annotations']

/** The maps of each kind that are read entry by entry. */
const readMaps: Readonly<Record<JudgedKind, readonly MapIn[]>> = {
  Node: [annotations, ['spec', 'disks'], ['status', 'diskStatus']],
  BackingImage: [
    annotations,
    ['spec', 'diskFileSpecMap'],
    ['spec', 'disks'],
    ['spec', 'sourceParameters'],
    ['status', 'diskFileStatusMap'],
    ['status', 'diskLastRefAtMap'],
  ],
  BackingImageDataSource: [annotations],
}

/**
 * The part of an object that exceeds the limit; undefined if it has none. The sender of a review chooses the
 * number of entries, and each costs a microsecond.
 */
export function crowding(raw: unknown, kind: JudgedKind): string | undefined {
  for (const [part, map] of readMaps[kind]) {
    const entries = fieldOf(fieldOf(raw, part), map)
    const count = typeof entries === 'object' && entries !== null ? entriesOf(entries) : 0
    if (count > mostEntries)
      return `${part}.${map} has ${count} entries, and the guard reads ${mostEntries} at most`
  }
  return undefined
}

/**
 * The number of entries of maps, cached. Counting a large one takes as long as reading it, and each may be
 * asked for again.
 */
const counts = new WeakMap<object, number>()

function entriesOf(map: object): number {
  const known = counts.get(map)
  if (known !== undefined) return known
  const count = Object.keys(map).length
  // A small one is counted as soon as it is cached.
  if (count > mostEntries) counts.set(map, count)
  return count
}
