import { copy, disk, pending, planned, ready } from '../fixtures/raw-objects.ts'
import { clear, cleanUp, evict, join, longhornCleansUp, place, type Wish } from './request.ts'
import { image, node, scenario, source, type Scenario } from './scenario.ts'
import type { ModelObject } from './store.ts'

const evicting = { evictionRequested: true, allowScheduling: false }

/** Two nodes with two disks each, and two images with a copy on each node. */
export const calm: readonly ModelObject[] = [
  node('n1', [disk('d1'), disk('d2')]),
  node('n2', [disk('d3'), disk('d4')]),
  image('i1', [ready('d1'), ready('d3')]),
  image('i2', [ready('d2'), ready('d4')]),
]

/** The same, and the eviction of one disk is requested. */
export const flagged: readonly ModelObject[] = [
  node('n1', [disk('d1', evicting), disk('d2')]),
  ...calm.slice(1),
]

const unready: readonly ModelObject[] = [
  ...calm.slice(0, 2),
  image('i1', [ready('d1'), copy('d3', 'unknown')]),
]
const unknown: readonly ModelObject[] = [
  ...calm.slice(0, 2),
  image('i1', [copy('d1', 'unknown'), copy('d3', 'unknown')]),
]
const fresh: readonly ModelObject[] = [...calm.slice(0, 2), image('i9', [])]
const starting: readonly ModelObject[] = [
  ...calm.slice(0, 2),
  image('i9', [planned('d1')]),
  source('i9', 'd1'),
]
const moving: readonly ModelObject[] = [
  node('n1', [disk('d1')]),
  node('n2', [disk('d3', evicting)]),
  image('i1', [ready('d9'), ready('d1')]),
]
const everywhere: readonly ModelObject[] = [
  ...calm.slice(0, 2),
  image('i3', [ready('d1'), ready('d2'), ready('d3')]),
]

type Pair = readonly [name: string, objects: readonly ModelObject[], wishes: readonly Wish[]]

/** The orderings of longhorn.md §2, as requests that are made at the same time. */
const orderings: readonly Pair[] = [
  ['o1/o2: an eviction and a clean-up', calm, [evict('n1', 'd1'), cleanUp('i1', ['d1'])]],
  ['o3: an eviction and Longhorn’s own clean-up', calm, [evict('n1', 'd1'), longhornCleansUp('i1', ['d1'])]],
  ['o4: the end of an eviction and its cancelling', flagged, [clear('n1'), longhornCleansUp('i1', ['d1'])]],
  ['o5: an eviction and a first file', fresh, [evict('n1', 'd1'), place('i9', 'd1')]],
  ['o6: an eviction while a first file is made', starting, [evict('n1', 'd1'), clear('n1')]],
  [
    'o7: a disk that joins a flagged node, and a clean-up on it',
    moving,
    [join('n2', 'd9'), cleanUp('i1', ['d9'])],
  ],
  [
    'o9: an eviction and the hand-over of many copies',
    everywhere,
    [evict('n1', 'd1'), longhornCleansUp('i3', ['d1', 'd2'])],
  ],
]

/** On profile A the disk that is evicted need not be the one that is cleaned up. */
const orderingsOfA: readonly Pair[] = [
  ['o1/o2: an eviction and a clean-up on another disk', calm, [evict('n1', 'd2'), cleanUp('i1', ['d1'])]],
  ['o5: an eviction and a first file on another disk', fresh, [evict('n1', 'd2'), place('i9', 'd1')]],
]

/** Pairs that lose data, on every profile. */
const losses: readonly Pair[] = [
  [
    'a clean-up that counts on a copy, and its eviction',
    unready,
    [longhornCleansUp('i1', ['d1']), evict('n2', 'd3')],
  ],
  ['two evictions that count on each other’s copy', unknown, [evict('n1', 'd1'), evict('n2', 'd3')]],
]

const dryRun = { dryRun: true }
const dryRuns: readonly Pair[] = [
  ['two dry runs', calm, [evict('n1', 'd1', dryRun), cleanUp('i1', ['d1'], dryRun)]],
  ['a dry run and a clean-up', calm, [evict('n1', 'd1', dryRun), cleanUp('i1', ['d1'])]],
]

/** Every ordering on a profile, one review for each request, to be explored to the end. */
export function pairs(profile: Scenario['profile']): Scenario[] {
  const all = {
    A: [...orderingsOfA, ...orderings.slice(1), ...losses, ...dryRuns],
    B: [...orderings, ...losses],
    C: losses,
  }
  return all[profile].map(([name, objects, wishes]) =>
    scenario(`${name} (${profile})`, profile, objects, wishes, { reviews: 1 }),
  )
}

const flaggedAndFresh: readonly ModelObject[] = [...flagged.slice(0, 2), image('i9', [])]
const draining: readonly ModelObject[] = [...calm.slice(0, 2), image('i1', [pending('d1'), ready('d3')])]
/** The first file is in status, and not in spec yet. */
const finishing: readonly ModelObject[] = [
  ...calm.slice(0, 2),
  image('i9', [pending('d1', 'in-progress')]),
  source('i9', 'd1'),
]
const leaving: readonly ModelObject[] = [
  node('n1', [disk('d1')]),
  node('n2', [disk('d3', evicting)]),
  image('i1', [pending('d9'), ready('d1')]),
]
/** A copy on a disk that is evicted, and whose UUID is not known yet. */
const unsynced: readonly ModelObject[] = [
  node('n1', [disk('d1')]),
  node('n2', [disk('d9', { ...evicting, synced: false })]),
  image('i1', [ready('d9'), ready('d1')]),
]
/** The flag went up and down a moment before the guard started. */
export const justCleared: readonly ModelObject[] = [...calm, ...flagged.slice(0, 1), ...calm.slice(0, 1)]

/** Requests that are admitted once a change is over, and must not meet it in a manager that lags. */
const overlaps: readonly Pair[] = [
  ['o4: a clear, and the end of the eviction', flagged, [clear('n1'), longhornCleansUp('i1', ['d1'])]],
  ['o5: a clear, and a first file', flaggedAndFresh, [clear('n1'), place('i9', 'd1')]],
  ['o1: the end of a clean-up, and an eviction', draining, [evict('n1', 'd1')]],
  ['o6: the end of a first file, and an eviction', finishing, [evict('n1', 'd1')]],
  ['o7: the end of a clean-up, and a disk that joins', leaving, [join('n2', 'd9')]],
  [
    'o7: a clear before the disk is synced, and a clean-up on it',
    unsynced,
    [clear('n2'), cleanUp('i1', ['d9'])],
  ],
  ['a restart after a clear, and a clean-up', justCleared, [cleanUp('i1', ['d1'])]],
]

/** On profile A the other disks of the node count as well. */
const overlapsOfA: readonly Pair[] = [
  ['o2: a clear, and a clean-up on another disk', flagged, [clear('n1'), cleanUp('i2', ['d2'])]],
  ['o1: the end of a clean-up, and an eviction of another disk', draining, [evict('n1', 'd2')]],
]

/** Every one of them, with time that passes. The last wish can be asked again, and is admitted in the end. */
export function overlapping(profile: 'A' | 'B', more: Partial<Scenario> = {}): Scenario[] {
  return [...overlaps, ...(profile === 'A' ? overlapsOfA : [])].map(([name, objects, wishes]) =>
    scenario(`${name} (${profile})`, profile, objects, wishes, { reviews: 2, jumps: 2, ...more }),
  )
}

const mixed: readonly ModelObject[] = [
  ...calm.slice(0, 3),
  image('i2', [ready('d1'), ready('d2'), ready('d4')]),
  image('i9', []),
]

/** Everything that anybody may want of one cluster. */
const wishes: readonly Wish[] = [
  evict('n1', 'd1'),
  evict('n1', 'd2'),
  evict('n2', 'd3'),
  clear('n1'),
  cleanUp('i1', ['d1']),
  cleanUp('i1', ['d3']),
  longhornCleansUp('i2', ['d1', 'd2']),
  place('i9', 'd1'),
  join('n2', 'd9'),
  evict('n1', 'd1', dryRun),
  cleanUp('i1', ['d1'], dryRun),
]

/** Every two and three different wishes, on clusters that are calm, flagged, or have a copy that is not ready. */
export function combinations(size: 2 | 3, profile: Scenario['profile'], more: Partial<Scenario>): Scenario[] {
  const chosen = choose(wishes, size)
  const clusters = [mixed, [...flagged.slice(0, 2), ...mixed.slice(2)], [...unready, ...mixed.slice(3)]]
  return chosen.map((some, at) =>
    scenario(
      `${some.map(({ what }) => what).join(' + ')} (${profile}, cluster ${at % clusters.length})`,
      profile,
      clusters[at % clusters.length] ?? mixed,
      some,
      more,
    ),
  )
}

function choose<T>(from: readonly T[], size: number): T[][] {
  if (size === 0) return [[]]
  return from.flatMap((first, at) => choose(from.slice(at + 1), size - 1).map((rest) => [first, ...rest]))
}
