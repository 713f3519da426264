import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { type Copy, copiesOf, copyOn, isReady, isReadySoon } from '../longhorn/copies.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { diskUUID, type Node } from '../longhorn/node.ts'
import { notedStatus } from '../longhorn/rescue-note.ts'
import type { Profile } from '../longhorn/releases.ts'
import { isFailed, isUsable, oncePerImage } from '../rules/copies-left.ts'
import { imagesWithoutDisk } from '../rules/copies-left.ts'
import type { LossCircumstances } from '../rules/lost.ts'
import { nodeState } from '../rules/node-state.ts'
import type { Policy } from '../rules/policy.ts'
import { settlesAt } from '../rules/disks-at-risk.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { CopyView, DiskView, NodeView, StateParts } from './state-schema.ts'

/** The sources of the nodes. */
export interface NodesSeen {
  readonly map: DiskMapView
  readonly policy: Policy
  readonly profile: Profile
  /** By the monotonic clock. */
  readonly now: number
  /** How many changes are reserved, by the name of the node. */
  readonly reserved: ReadonlyMap<string, number>
}

/** What a view was made from. The same facts make the same view. */
const factsOfViews = new WeakMap<NodeView, readonly unknown[]>()

/**
 * All nodes by name, with their disks and copies. Texts are one line and bounded, since names of disks are free strings.
 *
 * @param before the views of the last look, by name. A node that looks the same keeps its object, so that no work is done twice
 */
export function nodeViews(seen: NodesSeen, before: ReadonlyMap<string, NodeView> = new Map()): NodeView[] {
  const lastUsable = oncePerImage((image) => onlyUsable(image, seen.map))
  const views: NodeView[] = []
  for (const node of seen.map.nodes()) {
    const facts = factsOf(node, seen, lastUsable)
    const known = before.get(line(node.metadata.name))
    const view = known && isSame(factsOfViews.get(known), facts) ? known : nodeView(node, seen, lastUsable)
    factsOfViews.set(view, facts)
    views.push(view)
  }
  return views.sort((one, other) => byName.compare(one.name, other.name))
}

/** Everything that a view shows of a node: objects, which are new after each change, and what other objects say. */
function factsOf(node: Node, seen: NodesSeen, lastUsable: LastUsable): readonly unknown[] {
  const { map, profile, reserved } = seen
  const { name } = node.metadata
  const settles = settlesAt(node, seen)
  const facts: unknown[] = [node, settles, reserved.get(name)]
  facts.push(nodeState(node, map, profile, settles !== undefined))
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined) continue
    facts.push(map.managerState(uuid))
    for (const image of map.imagesOn(uuid))
      facts.push(image, replicasOf(image, uuid, map), lastUsable(image) === uuid)
  }
  return facts
}

function isSame(before: readonly unknown[] | undefined, now: readonly unknown[]): boolean {
  return before?.length === now.length && now.every((fact, at) => fact === before[at])
}

/** Clean-ups on disks that no node has: no node shows them. */
export function cleanUpsElsewhere({ map }: Pick<NodesSeen, 'map'>): StateParts['elsewhere'] {
  const found: StateParts['elsewhere'] = []
  for (const { diskUUID, image, since } of map.pendingOnUnownedDisks()) {
    if (found.length === mostElsewhere) break
    if (map.ownersOf(diskUUID).length === 0)
      found.push({ diskUUID: line(diskUUID), image: line(image), since })
  }
  return found
}

/** Images without a usable copy on a disk that a node has and that is not lost: no node shows them. */
export function imagesNowhere(circumstances: LossCircumstances): StateParts['imagesNowhere'] {
  const found: StateParts['imagesNowhere'] = []
  for (const { image } of imagesWithoutDisk(circumstances)) {
    if (found.length === mostElsewhere) break
    found.push(line(image.metadata.name))
  }
  return found
}

/** The state lists so many at most; a person reads no more. */
const mostElsewhere = 100

/** Made once: making one for each comparison takes most of the time of sorting. */
const byName = new Intl.Collator('en', { numeric: true })

/** Longer than any name of Kubernetes (253), in UTF-16 units. */
const longestText = 256

type LastUsable = (image: BackingImage) => string | undefined

function nodeView(node: Node, seen: NodesSeen, lastUsable: LastUsable): NodeView {
  const { map, profile, reserved } = seen
  const settles = settlesAt(node, seen)
  const { name } = node.metadata
  return {
    name: line(name),
    state: nodeState(node, map, profile, settles !== undefined),
    settlesAt: settles ?? null,
    scheduling: node.spec.allowScheduling,
    evictionRequested: node.spec.evictionRequested,
    reserved: reserved.get(name) ?? 0,
    noted: notedView(node),
    disks: [...node.spec.disks.keys()]
      .toSorted(byName.compare)
      .map((disk) => diskView(node, disk, map, lastUsable)),
  }
}

function notedView({ rescue }: Node): NodeView['noted'] {
  const noted = notedStatus(rescue)
  if (noted === null) return null
  const { disks, by, problem } = noted
  return { ...noted, disks: disks.map(line), by: line(by), problem: problem === null ? null : line(problem) }
}

function diskView(node: Node, name: string, map: DiskMapView, lastUsable: LastUsable): DiskView {
  const spec = node.spec.disks.get(name)
  const uuid = diskUUID(node, name)
  return {
    name: line(name),
    path: line(spec?.path ?? ''),
    uuid: uuid === undefined ? null : line(uuid),
    scheduling: node.spec.allowScheduling && (spec?.allowScheduling ?? false),
    evictionRequested: spec?.evictionRequested ?? false,
    managerState: uuid === undefined ? null : (map.managerState(uuid) ?? null),
    copies: uuid === undefined ? [] : copyViews(uuid, map, lastUsable),
  }
}

function copyViews(uuid: string, map: DiskMapView, lastUsable: LastUsable): CopyView[] {
  const copies: CopyView[] = []
  for (const image of map.imagesOn(uuid)) {
    const copy = copyOn(image, uuid)
    if (copy) copies.push(copyView(copy, image, map, lastUsable))
  }
  return copies.toSorted((one, other) => byName.compare(one.image, other.image))
}

function copyView(copy: Copy, image: BackingImage, map: DiskMapView, lastUsable: LastUsable): CopyView {
  const look = lookOf(copy)
  const progress = image.status.diskFileStatusMap.get(copy.diskUUID)?.progress
  return {
    image: line(copy.image),
    look,
    state: line(copy.state),
    progress: look === 'copying' && progress !== undefined ? Math.min(100, Math.max(0, progress)) : null,
    since: look === 'cleaning up' ? sinceOf(image, copy.diskUUID, map) : null,
    replicas: replicasOf(image, copy.diskUUID, map),
    last: lastUsable(image) === copy.diskUUID,
  }
}

function lookOf(copy: Copy): CopyView['look'] {
  if (copy.phase === 'pending cleanup') return 'cleaning up'
  if (isReady(copy)) return 'ready'
  if (isFailed(copy)) return 'failed'
  return isReadySoon(copy) ? 'copying' : 'unknown'
}

/** How many replicas use the copy of the image. */
function replicasOf({ metadata }: BackingImage, diskUUID: string, map: DiskMapView): number {
  return [...map.replicasUsing(metadata.name, diskUUID)].length
}

function sinceOf({ metadata }: BackingImage, diskUUID: string, map: DiskMapView): number | null {
  for (const pending of map.pendingOf(metadata.name)) if (pending.diskUUID === diskUUID) return pending.since
  return null
}

/** The disk with the only usable copy of an image; undefined if there are several, or none. */
function onlyUsable(image: BackingImage, map: DiskMapView): string | undefined {
  const usable = copiesOf(image).filter((copy) => isUsable(copy, map))
  return usable.length === 1 ? usable[0]?.diskUUID : undefined
}

function line(text: string): string {
  return cut(plainLine(text), longestText)
}
