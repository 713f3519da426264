import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { DiskMap } from '../disk-map/disk-map.ts'
import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import { isOlder } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import { type Act, type Change, nameOf } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { type Claim, mayBeAnyDisk } from './claims.ts'
import type { Stale } from './own-map.ts'
import type { QuorumReads } from './ports.ts'
import type { ReplicasAhead } from './replicas-ahead.ts'
import { nodeOf, unownedDisks } from './reservation-book.ts'
import type { WholeLists } from './whole-lists.ts'

/** The parts that confirming needs. */
interface ConfirmModules {
  readonly map: DiskMap
  readonly reads: QuorumReads
  readonly replicas: ReplicasAhead
  readonly clock: Pick<Clock, 'monotonic'>
  /** True if the map may lack a node that also has a disk of the change: then all nodes are read. */
  readonly everyNode: boolean
  /** Shares what is made from whole lists. */
  readonly whole: WholeLists
  /** Additional reads, since the map is too old for them. */
  readonly stale: Stale
}

/**
 * Reads, past the disk map, exactly the objects that the other side may have changed. For an eviction or a
 * disk removal these are the images and data sources, for all other changes the nodes of the claims. A
 * clean-up reads the replicas too, since nothing reserves them. It also reads everything else that is judged
 * on and too old.
 *
 * @returns makes the data to judge on: the reads, with the nodes of the disk map for the rest, and the memory of
 *   the map. Changes that ended between the two count as ended now. It is called right before judging, since what it
 *   returns holds until the disk map changes
 * @throws if something cannot be read, or the signal's reason
 */
export async function confirm(
  change: Change,
  acts: readonly Act[],
  claims: readonly Claim[],
  { map, reads, replicas, clock, everyNode, whole, stale }: ConfirmModules,
  signal: AbortSignal,
): Promise<() => DiskMapView> {
  const emptying = acts.some(({ act }) => act === 'eviction' || act === 'disk-removal')
  const [images, sources, nodes, source, using] = await Promise.all([
    emptying ? reads.images(signal) : [],
    emptying ? reads.dataSources(signal) : [],
    readNodes(change, claims, { map, reads, stale, everyNode: everyNode && !emptying }, signal),
    stale.source ? reads.dataSource(nameOf(change), signal) : map.dataSource(nameOf(change)),
    replicas.get(),
  ])
  const withNodes = (now: number): DiskMap => {
    const fresh = map.nodesAlone()
    update(fresh, nodes.read, nodes.missing, now)
    return fresh
  }
  const withLists = (): DiskMap => {
    const now = clock.monotonic()
    const fresh = withNodes(now)
    for (const image of map.images()) fresh.adopt(image, pendingSince(image, map) ?? now)
    update(fresh, images, missingFrom(images, map.images()), now)
    for (const source of map.dataSources()) fresh.adopt(source, now)
    update(fresh, sources, missingFrom(sources, map.dataSources()), now)
    return fresh
  }
  const withCopy = (): DiskMap => {
    const now = clock.monotonic()
    const fresh = withNodes(now)
    if (source) fresh.adopt(source, now)
    for (const replica of using) fresh.adopt(replica, now)
    return fresh
  }
  if (!emptying) return withCopy
  const hasNodes = nodes.read.length > 0 || nodes.missing.length > 0
  return hasNodes ? withLists : () => whole.mapOf({ images, sources }, withLists)
}

/**
 * True for acts that other changes can make dangerous, so that they have to be confirmed even without a
 * claim.
 */
export function needsConfirmation(acts: readonly Act[], profile: Profile): boolean {
  return acts.some(({ act }) => act === 'cleanup' || (act === 'disk-removal' && profile !== 'none'))
}

type Confirmed = Node | BackingImage | BackingImageDataSource

/** Updates a map with the reads. */
function update(
  fresh: DiskMap,
  read: readonly Confirmed[],
  missing: readonly Confirmed[],
  now: number,
): void {
  for (const object of read) if (!isBehind(object, fresh)) fresh.apply(object, now)
  // Its history before the deletion is unknown.
  for (const { kind, metadata } of missing) fresh.remove(kind, metadata.name, now, true)
}

/** The watch may have been quicker than the read. */
function isBehind({ kind, metadata }: Confirmed, fresh: DiskMap): boolean {
  const known = fresh.object(kind, metadata.name)?.metadata
  return known?.uid === metadata.uid && isOlder(metadata.resourceVersion, known.resourceVersion)
}

function missingFrom<T extends Confirmed>(read: readonly T[], known: Iterable<T>): T[] {
  const names = new Set(read.map(({ metadata }) => metadata.name))
  return [...known].filter(({ metadata }) => !names.has(metadata.name))
}

/** The current nodes of the claims, and those that are gone. */
async function readNodes(
  change: Change,
  claims: readonly Claim[],
  { map, reads, everyNode, stale }: Pick<ConfirmModules, 'map' | 'reads' | 'everyNode' | 'stale'>,
  signal: AbortSignal,
): Promise<{ readonly read: readonly Node[]; readonly missing: readonly Node[] }> {
  // Only all nodes together tell which node has the disk.
  const isUnowned = claims.some(({ entry, intent }) => entry === unownedDisks && intent !== 'eviction')
  if (everyNode || isUnowned || mayBeAnyDisk(claims) || stale.nodes === 'all') {
    const read = await reads.nodes(signal)
    return { read, missing: missingFrom(read, map.nodes()) }
  }
  const concerned = new Set([...claims.flatMap(({ entry }) => nodeOf(entry) ?? []), ...stale.nodes])
  if (change.kind === 'Node') concerned.delete(nameOf(change))
  const answers = await Promise.all([...concerned].map((name) => reads.node(name, signal)))
  const read = answers.filter((node) => node !== undefined)
  return {
    read,
    missing: missingFrom(
      read,
      [...concerned].map((name) => map.node(name)).filter((node) => node !== undefined),
    ),
  }
}

/** Since when the first of its clean-ups is pending, in milliseconds by the monotonic clock; undefined if none is. */
function pendingSince(image: BackingImage, map: DiskMapView): number | undefined {
  let first: number | undefined
  for (const { since } of map.pendingOf(image.metadata.name))
    if (first === undefined || since < first) first = since
  return first
}
