import { DiskMap } from '../disk-map/disk-map.ts'
import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import type { Node } from '../longhorn/node.ts'
import type { Act } from '../rules/acts.ts'
import { nameOf, type Change } from '../rules/change.ts'
import type { Claim } from './claims.ts'
import type { Clock, QuorumReads } from './ports.ts'
import { nodeOf, unownedDisks } from './reservation-book.ts'

/** What confirming works with. */
export interface ConfirmModules {
  readonly map: DiskMapView
  readonly reads: QuorumReads
  readonly clock: Pick<Clock, 'monotonic'>
}

/**
 * Reads, past the disk map, exactly what the other side may have changed: for an eviction or a disk taken away the
 * images and data sources, for all else the nodes that the claims are about.
 *
 * @returns what the change is to be judged on: what was read, with the nodes of the disk map for the rest
 * @throws when something cannot be read, or the signal's reason
 */
export async function confirm(
  change: Change,
  acts: readonly Act[],
  claims: readonly Claim[],
  { map, reads, clock }: ConfirmModules,
  signal: AbortSignal,
): Promise<DiskMapView> {
  const emptying = acts.some(({ act }) => act === 'eviction' || act === 'disk-removal')
  const [images, sources, nodes] = await Promise.all([
    emptying ? reads.images(signal) : [],
    emptying ? reads.dataSources(signal) : [map.dataSource(nameOf(change))],
    readNodes(change, claims, { map, reads }, signal),
  ])
  const now = clock.monotonic()
  const fresh = new DiskMap()
  for (const node of nodes) fresh.apply(node, now)
  for (const source of sources) if (source) fresh.apply(source, now)
  for (const image of images) {
    const earlier = pendingBefore(image, map)
    if (earlier) fresh.apply(earlier.image, earlier.since)
    fresh.apply(image, now)
  }
  return fresh
}

/** True for acts that another change can make dangerous, so that they have to be confirmed even without a claim. */
export function needsConfirmation(acts: readonly Act[]): boolean {
  return acts.some(({ act }) => act === 'disk-removal')
}

/** All nodes, those that the claims are about as they are now. */
async function readNodes(
  change: Change,
  claims: readonly Claim[],
  { map, reads }: Pick<ConfirmModules, 'map' | 'reads'>,
  signal: AbortSignal,
): Promise<readonly Node[]> {
  // Whose disk it is can only be told by all of them.
  if (claims.some(({ page, intent }) => page === unownedDisks && intent !== 'eviction')) {
    return await reads.nodes(signal)
  }
  const own = change.kind === 'Node' ? nameOf(change) : undefined
  const concerned = new Set(claims.flatMap(({ page }) => nodeOf(page) ?? []))
  if (own !== undefined) concerned.delete(own)
  const read = await Promise.all([...concerned].map((name) => reads.node(name, signal)))
  const others = [...map.nodes()].filter(({ metadata }) => !concerned.has(metadata.name))
  return [...others, ...read.filter((node) => node !== undefined)]
}

/** The image as the disk map has it, if a clean-up was pending there already: for since when it is. */
function pendingBefore(image: BackingImage, map: DiskMapView) {
  const { name } = image.metadata
  const known = map.image(name)
  if (!known) return undefined
  const since = map
    .copiesOf(name)
    .filter(({ phase }) => phase === 'pending cleanup')
    .flatMap(({ diskUUID }) => [...map.pendingOn(diskUUID)])
    .filter((cleanup) => cleanup.image === name)
    .map((cleanup) => cleanup.since)
  return since.length > 0 ? { image: known, since: Math.min(...since) } : undefined
}
