import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, isReady } from '../longhorn/copies.ts'
import { diskUUID } from '../longhorn/eviction.ts'
import type { Act, DiskRemoval } from '../rules/acts.ts'
import { outcomeOf } from '../rules/cleanup-outcome.ts'
import type { Policy } from '../rules/policy.ts'
import { countedOn } from './claims.ts'
import type { Knowledge } from './ports.ts'

/** A watch that was silent for longer may be broken, and what it follows may have changed, in milliseconds. */
export const freshMs = 10_000

/** What rules look at beside what the other side of a reservation may change, where the disk map is too old for it. */
export interface Stale {
  /** The names of nodes to be read; `all` where every node counts. */
  readonly nodes: ReadonlySet<string> | 'all'
  /** True if the data source of the image is to be read. */
  readonly source: boolean
  /** True if all images count, and the disk map is too old for that. */
  readonly images: boolean
}

/** What these acts are judged on that is older than {@link freshMs}, and so has to be read before they are admitted. */
export function staleFor(
  acts: readonly Act[],
  { map, knowledge }: { readonly map: DiskMapView; readonly knowledge: Pick<Knowledge, 'ageMs'> },
  { modes, evictionBudget }: Pick<Policy, 'modes' | 'evictionBudget'>,
): Stale {
  const isOld = (kind: Parameters<Knowledge['ageMs']>[0]): boolean => knowledge.ageMs(kind) > freshMs
  const begins = acts.some((act) => act.act === 'eviction' && act.raisesGate)
  const { flaggedNodes, pendingCleanups } = evictionBudget
  const isBudgeted = begins && modes['eviction-budget'] === 'enforce'
  const needsAll = isBudgeted && flaggedNodes !== undefined
  const nodes = new Set(acts.flatMap((act) => [...lookedAt(act, map)]))
  return {
    nodes: isOld('Node') ? (needsAll ? 'all' : nodes) : new Set(),
    source: acts.some(({ act }) => act === 'cleanup') && isOld('BackingImageDataSource'),
    images: isBudgeted && pendingCleanups !== undefined && isOld('BackingImage'),
  }
}

/** True if the disk map is fresh enough for all that its acts are judged on. */
export function isFreshEnough({ nodes, source, images }: Stale): boolean {
  return !source && !images && nodes !== 'all' && nodes.size === 0
}

/** The nodes that a rule asks about an act, and that no other side of a reservation would have told of. */
function* lookedAt(act: Act, map: DiskMapView): Iterable<string> {
  switch (act.act) {
    case 'disk-removal':
      // A disk that another node has is being moved, not taken away. A lost one goes if others have what is on it.
      for (const uuid of disksOf(act)) yield* owners(uuid, map)
      for (const uuid of readyBeside(act, map)) yield* owners(uuid, map)
      return
    case 'cleanup': {
      // A copy counts as long as a node has its disk.
      for (const copy of outcomeOf(act).kept) yield* owners(copy.diskUUID, map)
      return
    }
    case 'eviction':
      // Of a copy that is counted on to stay it counts that a node still has its disk.
      for (const uuid of countedOn(act, map)) yield* owners(uuid, map)
      return
    case 'placement':
    case 'flags-cleared':
      return
  }
}

function disksOf({ before, disks }: DiskRemoval): Set<string> {
  return new Set(disks.flatMap((disk) => diskUUID(before, disk) ?? []))
}

/** The disks with a ready copy of what is on these. Each once: a node can have thousands, and an image as many copies. */
function readyBeside(act: DiskRemoval, map: DiskMapView): Set<string> {
  const images = new Set<BackingImage>()
  for (const uuid of disksOf(act)) for (const image of map.imagesOn(uuid)) images.add(image)
  const uuids = new Set<string>()
  for (const image of images) for (const copy of copiesOf(image)) if (isReady(copy)) uuids.add(copy.diskUUID)
  return uuids
}

function owners(uuid: string, map: DiskMapView): string[] {
  return map.ownersOf(uuid).map(({ node }) => node)
}
