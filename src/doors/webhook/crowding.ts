import { fieldOf } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'

/**
 * So many disks of a node, or copies of an image, are judged: twice as many as 500 nodes with ten disks have together. To
 * read and judge them takes 50 ms, in which nothing else is answered.
 */
export const mostEntries = 10_000

type MapIn = readonly [part: string, map: string]

/** Of every kind. */
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
 * What an object has more of than is read; undefined if it is fit to be read. Whoever sends a review chooses how many entries
 * there are, and each costs a microsecond.
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

/** How many entries maps have. To count those of a large one takes as long as to read it, and each may be asked for again. */
const counts = new WeakMap<object, number>()

function entriesOf(map: object): number {
  const known = counts.get(map)
  if (known !== undefined) return known
  const count = Object.keys(map).length
  // What has few is counted as soon as it is remembered.
  if (count > mostEntries) counts.set(map, count)
  return count
}
