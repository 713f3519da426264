import type { Node } from '../longhorn/node.ts'
import type { DiskRemoval, Eviction } from './acts.ts'
import { imagesWithoutDisk, noCopyThatCounts, wayOut, whereItsCopiesAre } from './nowhere.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { theDisk } from './sentences.ts'

/** So many images are told one by one; the others are only counted. */
const toldImages = 5

/**
 * A disk is emptied or taken away while Longhorn knows no disk that has the file of an image: it may be on this very
 * disk, under a UUID that the disk had before. Longhorn then moves or keeps nothing of it.
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
  // What Longhorn looks for on these very disks is what other rules are about.
  const found = [...imagesWithoutDisk(circumstances)].filter(
    ({ copies }) => !copies.some(({ diskUUID }) => own.has(diskUUID)),
  )
  for (const nowhere of found.slice(0, toldImages)) {
    const { name } = nowhere.image.metadata
    yield {
      subjects: [{ node, image: name }],
      message: `backing image ${name} has ${noCopyThatCounts}, and its file may be on ${whichDisks(node, act)}, which is ${act.act === 'eviction' ? 'to be emptied' : 'taken away'}: ${whereItsCopiesAre(nowhere, circumstances)}`,
      clears: wayOut(nowhere.image, circumstances.policy.longhornNamespace),
    }
  }
  const more = found.length - toldImages
  if (more <= 0) return
  yield {
    subjects: [{ node }],
    message: `${more} more backing images have ${noCopyThatCounts}`,
    clears: 'holdfast status lists them',
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
  const status = nodeOf(act).status.diskStatus.get(disk)
  if (others.length > 0) return `one of the disks of node ${node}`
  return status?.diskUUID === undefined
    ? `disk ${disk} of node ${node}`
    : theDisk(status.diskUUID, { node, disk })
}
