import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { type Copy, isReadySoon } from '../longhorn/copies.ts'
import type { Node } from '../longhorn/node.ts'
import type { DiskRemoval, Eviction } from './change.ts'
import { isFailed, isUsable } from './copies-left.ts'
import { type LossCircumstances, standingDisks, whyNothingCountsOn } from './lost.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { asSentence, inState, theDisk } from './sentences.ts'

/** The maximum of images that are listed one by one; the others are only counted. */
const toldImages = 5

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
  for (const nowhere of found.slice(0, toldImages)) {
    const { name } = nowhere.image.metadata
    yield {
      subjects: [{ node, image: name }],
      found: `backing image ${name} has ${noCopyThatCounts}`,
      why: `Its file may be on ${whichDisks(node, act)}, which is ${act.act === 'eviction' ? 'to be emptied' : 'taken away'}. ${asSentence(whereItsCopiesAre(nowhere, circumstances))}`,
      next: wayOut(nowhere.image, circumstances.policy.longhornNamespace),
      look: ['holdfast status'],
    }
  }
  const more = found.length - toldImages
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
  for (const image of map.images()) {
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
  const told = copies.slice(0, toldCopies).map((copy) => {
    const [owner] = circumstances.map.ownersOf(copy.diskUUID)
    const why = owner && whyNothingCountsOn(owner, circumstances)
    return `on ${theDisk(copy.diskUUID, owner)}${inState(copy.state)}${why === undefined ? '' : `: ${why}`}`
  })
  const more = copies.length - told.length
  return `Longhorn looks for it ${told.join(' and ')}${more > 0 ? ` and ${more} more disks` : ''}`
}

/** The maximum of named copies of one image. */
const toldCopies = 3

/** How to find such an image again, or give it up. */
export function wayOut({ metadata: { name } }: BackingImage, namespace: string): string {
  return `If a disk has the file under another UUID, write the old UUID into longhorn-disk.cfg on that disk. Then disable the scheduling of the disk, remove it from its node and add it again. If a node is to come back, wait for it. If the file is not needed, delete the image, after the volumes that use it: kubectl -n ${namespace} delete backingimages.longhorn.io ${name}`
}
