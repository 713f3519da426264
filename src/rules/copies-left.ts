import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, isReady, isReadySoon } from '../longhorn/copies.ts'
import { diskUUID, isEvicting, type Node } from '../longhorn/node.ts'
import type { Cleanup, DiskRemoval, Eviction } from './change.ts'
import type { Subject } from './finding.ts'
import { type LossCircumstances, standingDisks, whyNothingCountsOn } from './lost.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { asSentence, inState, theDisk } from './sentences.ts'

/** A copy of an eviction: an image on a disk that is evicted from now on. */
interface EvictedCopy {
  readonly image: BackingImage
  readonly node: string
  readonly disk: string
  readonly diskUUID: string
}

/**
 * The copies in spec or in status on the disks that are evicted from now on, each once, however often status
 * has the disk. An image that is being deleted loses them all anyway.
 */
export function* evictedCopies({ node, evicting }: Eviction, map: DiskMapView): Iterable<EvictedCopy> {
  const seen = new Set<string>()
  for (const disk of evicting) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined || seen.has(uuid)) continue
    seen.add(uuid)
    for (const image of map.imagesOn(uuid)) {
      if (!image.metadata.terminating) yield { image, node: node.metadata.name, disk, diskUUID: uuid }
    }
  }
}

/** All nodes as they will be once the eviction is requested. */
export function* nodesAfter({ node }: Eviction, map: DiskMapView): Iterable<Node> {
  for (const other of map.nodes()) if (other.metadata.name !== node.metadata.name) yield other
  yield node
}

/**
 * A predicate: true for the UUID of a disk that is evicted once the eviction is requested. Made once for an
 * act, since a node can have thousands of disks, and an image as many copies.
 */
export function evictedAfter({ node }: Eviction, map: DiskMapView): (uuid: string) => boolean {
  const own = new Set<string>()
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid !== undefined && isEvicting(node, disk)) own.add(uuid)
  }
  const elsewhere = new Map<string, boolean>()
  return (uuid) => {
    if (own.has(uuid)) return true
    let known = elsewhere.get(uuid)
    if (known === undefined) {
      known = map.ownersOf(uuid).some((owner) => {
        const other = owner.node === node.metadata.name ? undefined : map.node(owner.node)
        return other !== undefined && isEvicting(other, owner.disk)
      })
      elsewhere.set(uuid, known)
    }
    return known
  }
}

/** Caches per image the answers that an eviction of many disks needs for each of its copies. */
export function oncePerImage<T>(find: (image: BackingImage) => T): (image: BackingImage) => T {
  const found = new Map<BackingImage, { readonly value: T }>()
  return (image) => {
    let known = found.get(image)
    if (!known) found.set(image, (known = { value: find(image) }))
    return known.value
  }
}

/** The copies of an image, sorted by the effect of a clean-up. */
interface CleanupOutcome {
  readonly removed: readonly Copy[]
  readonly kept: readonly Copy[]
}

/** Sorts the copies by the old spec and the stored status: the state before the write. */
export function outcomeOf({ before, after, disks }: Cleanup): CleanupOutcome {
  const copies = copiesOf({ ...before, status: after.status })
  return {
    removed: copies.filter(({ diskUUID }) => disks.has(diskUUID)),
    kept: copies.filter(({ diskUUID, phase }) => !disks.has(diskUUID) && phase !== 'pending cleanup'),
  }
}

/** A copy with its node and disk, as far as they are known. */
export function subjectOf({ image, diskUUID }: Copy, map: DiskMapView): Subject {
  const [owner] = map.ownersOf(diskUUID)
  return { ...owner, diskUUID, image }
}

const failed = new Set(['failed', 'failed-and-cleanup'])

/**
 * True for a copy that may be complete, now or once its node is back: `unknown` only means that the node or
 * the disk's manager is down (longhorn.md §1). On a disk that no node has it stays unknown for ever.
 */
export function isUsable(copy: Copy, map: DiskMapView): boolean {
  if (copy.phase !== 'present') return false
  switch (copy.state) {
    case 'ready':
    case 'ready-for-transfer':
      return true
    case 'unknown':
      return map.ownersOf(copy.diskUUID).length > 0
    default:
      return false
  }
}

/**
 * True for a usable copy on a disk that some node has and that is not lost there. The last state from a
 * deleted node says nothing.
 *
 * @param stands see {@link standingDisks}
 */
export function isCountedOn(copy: Copy, map: DiskMapView, stands: (uuid: string) => boolean): boolean {
  return isUsable(copy, map) && stands(copy.diskUUID)
}

/**
 * True for a usable copy that stays: one that is not ready goes with the eviction of its disk, since eviction deletes
 * all evicting copies if none is ready (longhorn.md §4).
 */
export function survives(copy: Copy, map: DiskMapView, stands: (uuid: string) => boolean): boolean {
  if (!isCountedOn(copy, map, stands)) return false
  if (isReady(copy)) return true
  return !map.ownersOf(copy.diskUUID).some(({ node: name, disk }) => {
    const node = map.node(name)
    return node !== undefined && isEvicting(node, disk)
  })
}

/** True for a copy with nothing to lose: only planned, or failed. */
export function isWorthless(copy: Copy): boolean {
  return copy.phase === 'planned' || isFailed(copy)
}

/** True for a copy that could not be made, or turned out to be broken. */
export function isFailed({ state }: Copy): boolean {
  return failed.has(state)
}

/** The maximum of images that are listed one by one; the others are only counted. */
const listedImages = 5

/**
 * A disk is emptied or removed while Longhorn knows no disk with the file of an image. The file may be on
 * this very disk, under an earlier UUID of it. Longhorn then neither moves nor keeps it.
 */
export const imagesNowhere: Rule = {
  name: 'images-nowhere',
  effects: { A: 'warn', B: 'warn', C: 'warn', none: 'warn' },

  *eviction(eviction, circumstances) {
    if (eviction.evicting.length > 0) yield* drafts(eviction.node.metadata.name, eviction, circumstances)
  },

  *'disk-removal'(removal, circumstances) {
    yield* drafts(removal.before.metadata.name, removal, circumstances)
  },
}

function* drafts(
  node: string,
  act: Eviction | DiskRemoval,
  circumstances: Circumstances,
): Iterable<Draft<'warn'>> {
  const own = uuidsOf(act)
  // Other rules judge the images that Longhorn expects on these very disks.
  const found = [...imagesWithoutDisk(circumstances)].filter(
    ({ copies }) => !copies.some(({ diskUUID }) => own.has(diskUUID)),
  )
  for (const nowhere of found.slice(0, listedImages)) {
    const { name } = nowhere.image.metadata
    yield {
      subjects: [{ node, image: name }],
      found: `backing image ${name} has ${noCopyThatCounts}`,
      why: `Its file may be on ${whichDisks(node, act)}, which is ${act.act === 'eviction' ? 'to be emptied' : 'taken away'}. ${asSentence(whereItsCopiesAre(nowhere, circumstances))}`,
      next: wayOut(nowhere.image, circumstances.policy.longhornNamespace),
      look: ['holdfast status'],
    }
  }
  const more = found.length - listedImages
  if (more <= 0) return
  yield {
    subjects: [{ node }],
    found: `${more} more backing images have ${noCopyThatCounts}`,
    why: `Their files may be on ${whichDisks(node, act)} too.`,
    next: 'Look them up with holdfast status, which lists them.',
    look: ['holdfast status'],
  }
}

function uuidsOf(act: Eviction | DiskRemoval): ReadonlySet<string | undefined> {
  const { status } = nodeOf(act)
  return new Set(disksOf(act).map((disk) => status.diskStatus.get(disk)?.diskUUID))
}

function nodeOf(act: Eviction | DiskRemoval): Node {
  return act.act === 'eviction' ? act.node : act.before
}

function disksOf(act: Eviction | DiskRemoval): readonly string[] {
  return act.act === 'eviction' ? act.evicting : act.disks
}

function whichDisks(node: string, act: Eviction | DiskRemoval): string {
  const [disk = '', ...others] = disksOf(act)
  return others.length > 0 ? `one of the disks of node ${node}` : `${disk} of ${node}`
}

/** An image without a usable copy on a disk that a node has and that is not lost. */
interface ImageNowhere {
  readonly image: BackingImage
  /** The recorded places of its copies: disks that no node has, or that are lost; empty without any. */
  readonly copies: readonly Copy[]
}

/**
 * The images whose file is on no usable disk: a node came back with new disks, the UUID of a disk changed at
 * a reboot, a disk was removed, or a backup of Longhorn's objects was restored without the disks. The file
 * may still exist, under another UUID. Images that are being made or deleted do not count, nor those whose
 * copies have all failed.
 */
export function* imagesWithoutDisk(circumstances: LossCircumstances): Iterable<ImageNowhere> {
  const { map } = circumstances
  const stands = standingDisks(circumstances)
  // A ready copy on a disk that works is usable, and that disk is not lost.
  for (const image of map.imagesNotAtWork()) {
    if (image.metadata.terminating || isBeingMade(image, map)) continue
    const copies = map.copiesOf(image.metadata.name)
    if (copies.length > 0 && copies.every(isFailed)) continue
    if (!copies.some((copy) => isSomewhere(copy, map) && stands(copy.diskUUID))) yield { image, copies }
  }
}

/** Its first file is not finished, or not begun: Longhorn makes the data source a moment after the image. */
function isBeingMade({ metadata, spec }: BackingImage, map: DiskMapView): boolean {
  const source = map.dataSource(metadata.name)
  return source ? !source.spec.fileTransferred : spec.diskFileSpecMap.size === 0
}

/** True for a copy that is usable, or is being made. */
function isSomewhere(copy: Copy, map: DiskMapView): boolean {
  return isUsable(copy, map) || (copy.phase === 'present' && isReadySoon(copy))
}

/** Describes such an image, in the same words everywhere. */
export const noCopyThatCounts = 'no usable copy on a disk that a node has and that is not lost'

/** `its copies: on disk 0a1b… (which no node has) (ready) and …`, each with why its disk is lost. */
export function whereItsCopiesAre({ copies }: ImageNowhere, circumstances: LossCircumstances): string {
  if (copies.length === 0) return 'no copy of it is wanted anywhere'
  const listed = copies.slice(0, listedCopies).map((copy) => {
    const [owner] = circumstances.map.ownersOf(copy.diskUUID)
    const why = owner && whyNothingCountsOn(owner, circumstances)
    return `on ${theDisk(copy.diskUUID, owner)}${inState(copy.state)}${why === undefined ? '' : `: ${why}`}`
  })
  const more = copies.length - listed.length
  return `Longhorn looks for it ${listed.join(' and ')}${more > 0 ? ` and ${more} more disks` : ''}`
}

/** The maximum of named copies of one image. */
const listedCopies = 3

/** How to find such an image again, or give it up. */
export function wayOut({ metadata: { name } }: BackingImage, namespace: string): string {
  return `If a disk has the file under another UUID, write the old UUID into longhorn-disk.cfg on that disk. Then disable the scheduling of the disk, remove it from its node and add it again. If a node is to come back, wait for it. If the file is not needed, delete the image, after the volumes that use it: kubectl -n ${namespace} delete backingimages.longhorn.io ${name}`
}
