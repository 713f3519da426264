import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, type Copy, copyOn, isReady } from '../longhorn/copies.ts'
import { diskUUID, isAtWork, isDown, isGone, type Node } from '../longhorn/node.ts'
import { isFrom } from '../longhorn/releases.ts'
import type { DiskRemoval } from './change.ts'
import { isWorthless, oncePerImage } from './copies-left.ts'
import { whyDown, whyLost, workingOwners } from './lost.ts'
import { deleteOverrideFor, mayOverride } from './policy.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { asSentence, inState, lasting, lookAtImage, theDisk } from './sentences.ts'

/**
 * A disk removed from its node, or the node deleted, with a copy or a pending clean-up on it: the copy stays
 * `unknown` for ever and the file is left behind (longhorn.md §4, #10983).
 *
 * A lost disk cannot be emptied: an eviction does nothing there, and a clean-up never ends. So its removal
 * passes if every image has a ready copy on a working disk. That needs no clock, and the gate reserves the
 * removal, so that no clean-up of that other copy counts on this one meanwhile.
 */
export const diskRemovalWithCopies: Rule = {
  name: 'disk-removal-with-copies',
  effects: { A: 'refuse', B: 'refuse', C: 'refuse', none: 'warn' },

  *'disk-removal'(removal, circumstances) {
    const { map } = circumstances
    const whereElse = elsewhere(removal, map)
    const keeper = oncePerImage(keepers(removal, map))
    const seen = new Set<string>()
    for (const disk of removal.disks) {
      const uuid = diskUUID(removal.before, disk)
      if (uuid === undefined || seen.has(uuid)) continue
      seen.add(uuid)
      const others = whereElse(uuid, disk)
      if (others === 'moved') continue
      const why = whyLost(removal.before, disk, circumstances)
      for (const image of map.imagesOn(uuid)) {
        const copy = copyOn(image, uuid)
        if (!copy || image.metadata.terminating) continue
        const taken = { removal, disk, image, copy }
        if (others.length > 0) yield sharedDraft(taken, others)
        else if (why === undefined) yield draft(taken, circumstances)
        else yield lostDraft(taken, why, keeper(image), circumstances)
      }
    }
  },
}

/** A copy that is removed with its disk. */
interface Taken {
  readonly removal: DiskRemoval
  /** The name of the disk. */
  readonly disk: string
  readonly image: BackingImage
  readonly copy: Copy
}

function draft(taken: Taken, circumstances: Circumstances): Draft {
  const { name } = taken.image.metadata
  return {
    subjects: [subjectOf(taken)],
    found: theCopy(taken),
    why: 'The copy would stay unknown for ever, and its file would stay behind on the disk.',
    next: wayOut(taken, circumstances),
    look: lookAtImage(name, circumstances),
  }
}

/** The answer depends on the user who could do it. */
function wayOut(
  { removal: { before, after }, disk, image, copy }: Taken,
  circumstances: Circumstances,
): string {
  const { name } = image.metadata
  const later = `for longer than ${lasting(circumstances.policy.lostAfterMs)} may be removed once every image has a ready copy elsewhere.`
  const down = whyDown(before, circumstances)
  if (down !== undefined)
    return `Bring the node back: ${down}, and an eviction does nothing until it works again. A node that has been down ${later}`
  if (!isAtWork(before, disk))
    return `Bring the disk back: it is not ready, so no clean-up on it ends. A disk that has not been ready ${later}`
  const until = `wait until the status of ${name} no longer lists the disk.`
  const isOpen = after !== undefined && before.spec.disks.get(disk)?.allowScheduling === true
  const asked = isOpen ? ' Longhorn also asks that its scheduling is disabled.' : ''
  if (copy.phase === 'pending cleanup') return `Its clean-up is under way: ${until}${asked}`
  if (isWorthless(copy) && !isUsed(copy, circumstances.map))
    return `Clean the copy up first, and ${until}${asked}`
  return circumstances.profile === 'none'
    ? `This release does not move copies. Once another copy is ready elsewhere, clean this one up, and ${until}${asked}`
    : `Empty the disk first: disable its scheduling and evict it. Then ${until}`
}

/** A clean-up of a copy that a replica uses is refused. */
function isUsed({ image, diskUUID: uuid }: Copy, map: DiskMapView): boolean {
  for (const _ of map.replicasUsing(image, uuid)) return true
  return false
}

/** @param keeper the place of a ready copy that stays; undefined without one */
function lostDraft(
  taken: Taken,
  why: string,
  keeper: string | undefined,
  circumstances: Circumstances,
): Draft {
  const { removal, image, copy } = taken
  const { name } = image.metadata
  const lost = asSentence(why)
  if (keeper === undefined && !isWorthless(copy) && copy.phase !== 'pending cleanup') {
    return {
      subjects: [subjectOf(taken)],
      found: theCopy(taken),
      why: `${lost} No other copy of ${name} is ready on a disk that works, so this may be the last usable one.`,
      next: `Bring the disk back, so that Longhorn can copy the image from it. An eviction does nothing meanwhile. If you do not need the image, delete it, after the volumes that use it (kubectl -n ${circumstances.policy.longhornNamespace} delete backingimages.longhorn.io ${name}).${giveUp(removal, circumstances)}`,
      look: lookAtImage(name, circumstances),
    }
  }
  return {
    effect: 'warn',
    subjects: [subjectOf(taken)],
    found: `${theCopy(taken)}, and ${keeper === undefined ? 'there is nothing usable to lose' : `keeps a ready one on ${keeper}`}`,
    why: lost,
    next: 'If the disk comes back, its file is left behind.',
    look: lookAtImage(name, circumstances),
  }
}

/** Only if it is needed, and would be granted, and Longhorn lets the disk or the node go then. */
function giveUp(
  { before, after }: DiskRemoval,
  { policy, actor, profile, release, timeOfDay }: Circumstances,
): string {
  const isRefused = diskRemovalWithCopies.effects[profile] === 'refuse'
  if (!isRefused || !mayOverride(actor, diskRemovalWithCopies.name, policy)) return ''
  if (after && !isDown(before))
    return ' To give the copy up all the same: disable the scheduling of the disk, and set annotation holdfast.dev/override to the reason in the write that removes it'
  // Longhorn takes no annotation any more.
  if (isGone(before) && isFrom(release, [1, 12, 2])) return ''
  const isOpen = before.spec.allowScheduling
  const first = isOpen ? 'disable the scheduling of the node, then ' : ''
  const override = deleteOverrideFor(isOpen ? asChanged(before) : before, policy.longhornNamespace, timeOfDay)
  return ` To give the copy up all the same${after ? ', delete the whole node' : ''}: ${first}${override}`
}

/** With the generation of one more change of spec. */
function asChanged(node: Node): Node {
  return { ...node, metadata: { ...node.metadata, generation: node.metadata.generation + 1 } }
}

function sharedDraft(taken: Taken, others: readonly string[]): Draft {
  const { removal, image, disk } = taken
  const node = removal.before.metadata.name
  return {
    effect: 'warn',
    subjects: [subjectOf(taken)],
    found: `${theCopy(taken)}, and a disk of ${others.join(', ')} has the same UUID`,
    why: `Longhorn cannot tell which disk has the file of ${image.metadata.name}. The machines may have been cloned.`,
    next: `Look for the file (backing-images/${image.metadata.name}-… below the path of each disk) and keep the disk that has it. Give each other disk a UUID of its own: disable its scheduling, delete longhorn-disk.cfg on it (Longhorn then takes it for empty), remove it from its node and add it again. Disk ${disk} of node ${node} is moved if it is in another machine now.`,
    look: [],
  }
}

function theCopy({ disk, image, copy }: Taken): string {
  const { name } = image.metadata
  switch (copy.phase) {
    case 'pending cleanup':
      return `a clean-up of backing image ${name} is pending on ${disk}${inState(copy.state)}`
    case 'planned':
      return `backing image ${name} has a planned copy on ${disk}`
    case 'present':
      return `backing image ${name} has a copy on ${disk}${inState(copy.state)}`
  }
}

function subjectOf({ removal, disk, copy: { diskUUID, image } }: Taken) {
  return { node: removal.before.metadata.name, disk, diskUUID, image }
}

/** Finds a ready copy of an image that stays, on a working disk; undefined without one. */
function keepers(
  { before, disks }: DiskRemoval,
  map: DiskMapView,
): (image: BackingImage) => string | undefined {
  const going = new Set(disks.map((disk) => diskUUID(before, disk)))
  const workingOwner = workingOwners(map)
  return (image) => {
    const kept = copiesOf(image).find(
      (copy) => !going.has(copy.diskUUID) && isReady(copy) && workingOwner(copy.diskUUID) !== undefined,
    )
    return kept && theDisk(kept.diskUUID, workingOwner(kept.diskUUID))
  }
}

/**
 * The other places of a disk. One that has another name on the node, or works elsewhere and not here, has
 * been moved. If several nodes show it at the same time, its place is unknown: the result has their names.
 */
function elsewhere(
  { before, after }: DiskRemoval,
  map: DiskMapView,
): (uuid: string, disk: string) => 'moved' | readonly string[] {
  const stays = new Set(after && [...after.spec.disks.keys()].map((disk) => diskUUID(after, disk)))
  return (uuid, disk) => {
    if (stays.has(uuid)) return 'moved'
    const others = map.ownersOf(uuid).filter(({ node: name, disk }) => {
      const node = map.node(name)
      return name !== before.metadata.name && node !== undefined && isAtWork(node, disk)
    })
    if (others.length === 0) return []
    return isAtWork(before, disk) ? [...new Set(others.map(({ node }) => node))].sort() : 'moved'
  }
}
