import type { DiskMapView, DiskOwner, EndedCleanup, PendingCleanup } from '../disk-map/disk-map-view.ts'
import type { Eviction } from './change.ts'
import {
  type DiskAtRisk,
  disksAtRisk,
  endedOnDisk,
  firstFilesOnDisk,
  pendingOnDisk,
  unseenOf,
  whereOf,
  whyPerhaps,
} from './disks-at-risk.ts'
import { removalOfLost, whyLost } from './lost.ts'
import type { Circumstances, Draft, Rule, Unnoticed } from './rule.ts'
import {
  ago,
  asSentence,
  consequence,
  endOfCleanup,
  inTime,
  lasting,
  lookAtImage,
  unnoticedYet,
  unseenChanges,
} from './sentences.ts'

/**
 * An eviction that arrives while a clean-up is pending (o1), or a disk with a pending clean-up that joins a flagged
 * node (o7). One that has ended counts until Longhorn has noticed.
 */
export const evictionDuringCleanup: Rule = {
  name: 'eviction-during-cleanup',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'warn' },

  *eviction(eviction, circumstances) {
    const drafts: Draft[] = []
    for (const disk of disksAtRisk(eviction, circumstances)) {
      for (const cleanup of pendingOnDisk(disk, circumstances))
        drafts.push(draft(disk, cleanup, circumstances))
    }
    if (drafts.length > 0 && looksPruned(circumstances.map)) {
      yield { ...outdatedCrd(eviction.node.metadata.name, circumstances), ...mildest(drafts) }
    } else {
      yield* drafts
    }
    yield* unnoticedCleanups(eviction, circumstances)
  },
}

function* unnoticedCleanups(eviction: Eviction, circumstances: Circumstances): Iterable<Draft> {
  const disks = disksAtRisk(eviction, circumstances)
  for (const disk of disks) {
    for (const cleanup of endedOnDisk('clean-up', disk, circumstances)) {
      yield endedDraft(disk, cleanup, circumstances)
    }
  }
  if (disks.length === 0) return
  const node = eviction.node.metadata.name
  for (const unseen of unseenOf('BackingImage', circumstances)) {
    yield {
      subjects: [{ node, image: unseen.over.name }],
      found: unseenChanges(unseen, circumstances),
      why: `The guard did not see how it was in between. A clean-up on ${node} may have ended that Longhorn has not noticed yet. ${consequence(node, circumstances)}`,
      ...inTime(unseen, circumstances),
    }
  }
}

function endedDraft(risk: DiskAtRisk, cleanup: Unnoticed<EndedCleanup>, circumstances: Circumstances): Draft {
  const { node, disk } = risk
  const { image, diskUUID, at } = cleanup.over
  return {
    subjects: [{ node, disk, diskUUID, image }],
    found: `the clean-up of backing image ${image} from ${whereOf(risk, diskUUID, circumstances)} ended only ${ago(at, circumstances)}`,
    why: `${whyPerhaps(risk, diskUUID, circumstances)}${unnoticedYet(node, circumstances)}`,
    ...inTime(cleanup, circumstances),
  }
}

function draft(risk: DiskAtRisk, cleanup: PendingCleanup, circumstances: Circumstances): Draft {
  const { node, disk } = risk
  const { image, diskUUID } = cleanup
  return {
    ...(isStuck(cleanup, circumstances) ? { effect: 'warn' } : {}),
    subjects: [{ node, disk, diskUUID, image }],
    found: `backing image ${image} is still being removed from ${whereOf(risk, diskUUID, circumstances)} (for ${lasting(circumstances.now - cleanup.since)})`,
    why: `${whyPerhaps(risk, diskUUID, circumstances)}${consequence(node, circumstances)}`,
    next: `${endOfCleanup(cleanup, circumstances)}${wayOutOfLost(risk, circumstances)}${untilKnown(risk)}`,
    look: lookAtImage(image, circumstances),
  }
}

/** A clean-up on a lost disk does not end by itself. */
function wayOutOfLost({ node: name, disk, uuid }: DiskAtRisk, circumstances: Circumstances): string {
  if (uuid === undefined) return ''
  const node = circumstances.map.node(name)
  const why = node && whyLost(node, disk, circumstances)
  if (!node || why === undefined) return ''
  return ` ${asSentence(why)} So this clean-up does not end. ${removalOfLost(node, disk, circumstances)}`
}

/** A disk of known UUID has nothing to do with clean-ups on others. An unusable disk never gets a UUID. */
function untilKnown({ node, disk, uuid }: DiskAtRisk): string {
  if (uuid !== undefined) return ''
  return ` It is also allowed once Longhorn has found out that disk ${disk} of node ${node} is another disk, or once that disk is removed from the node, which takes that its scheduling is disabled.`
}

/** On profile C nothing crashes, and the evicted node is often the one that is down and cannot clean up. */
function isStuck({ since }: PendingCleanup, { profile, policy, now }: Circumstances): boolean {
  return profile === 'C' && now - since > policy.stuckAfterMs
}

/** One finding instead of many has no stronger effect: it is a warning if all of them are warnings. */
function mildest(drafts: readonly Draft[]): Pick<Draft, 'effect'> {
  return drafts.every(({ effect }) => effect === 'warn') ? { effect: 'warn' } : {}
}

function outdatedCrd(node: string, circumstances: Circumstances): Draft {
  const { pendingImageCount, imageCount } = circumstances.map
  return {
    subjects: [{ node }],
    found: `${pendingImageCount} of ${imageCount} backing images have a clean-up pending at once, on node ${node} too`,
    why: `The CRD backingimages.longhorn.io looks out of date and seems to drop spec.diskFileSpecMap. ${consequence(node, circumstances)}`,
    next: 'Apply the CRDs of the running Longhorn release.',
    look: ['kubectl get crd backingimages.longhorn.io -o yaml | grep diskFileSpecMap'],
  }
}

/** With fewer images than this, a user may have cleaned up all of them on purpose. */
const fewestImages = 4

/**
 * True if most images have a pending clean-up. A CRD of an old version prunes `diskFileSpecMap`, and then
 * every copy is gone from spec (longhorn.md §2). That calls for one message about the CRD, not one for each
 * disk.
 */
export function looksPruned(map: DiskMapView): boolean {
  return map.imageCount >= fewestImages && map.pendingImageCount * 2 > map.imageCount
}

/**
 * An eviction of the disk with an unfinished first file, or a clean-up on it (o6): Longhorn removes the key
 * and adds it again in a loop (longhorn.md §4). For an eviction a finished one counts until Longhorn has
 * noticed: it was in status before it was in spec, like a pending clean-up.
 */
export const firstFileUnfinished: Rule = {
  name: 'first-file-unfinished',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'warn' },

  *eviction(eviction, circumstances) {
    for (const risk of disksAtRisk(eviction, circumstances)) {
      for (const { image, diskUUID } of firstFilesOnDisk(risk, circumstances))
        yield firstFileDraft(
          {
            image,
            diskUUID,
            owner: risk,
            found: `the first file of backing image ${image} is still being made on ${whereOf(risk, diskUUID, circumstances)}`,
            perhaps: whyPerhaps(risk, diskUUID, circumstances),
          },
          circumstances,
        )
    }
    yield* unnoticedFirstFiles(eviction, circumstances)
  },

  *cleanup({ after, disks }, circumstances) {
    const image = after.metadata.name
    const source = circumstances.map.dataSource(image)
    const uuid = source?.spec.diskUUID
    if (!source || source.spec.fileTransferred || uuid === undefined || !disks.has(uuid)) return
    const [owner] = circumstances.map.ownersOf(uuid)
    yield firstFileDraft(
      { image, diskUUID: uuid, owner, found: 'its first file is still being made', perhaps: '' },
      circumstances,
    )
  },
}

interface FirstFile {
  readonly image: string
  readonly diskUUID: string
  readonly owner: DiskOwner | undefined
  readonly found: string
  /** Why it counts, before another sentence, if it is uncertain. */
  readonly perhaps: string
}

function firstFileDraft(
  { image, diskUUID, owner, found, perhaps }: FirstFile,
  { policy }: Circumstances,
): Draft {
  return {
    subjects: [{ ...(owner && { node: owner.node, disk: owner.disk }), diskUUID, image }],
    found,
    why: `${perhaps}Longhorn would remove the copy and add it again in a loop, with a clean-up pending each time.`,
    next: 'The request is allowed once the first file is there (spec.fileTransferred is true). If it never will be, delete the backing image. Longhorn lets it go once no replica uses it.',
    look: [`kubectl -n ${policy.longhornNamespace} get backingimagedatasources.longhorn.io ${image} -o yaml`],
  }
}

function* unnoticedFirstFiles(eviction: Eviction, circumstances: Circumstances): Iterable<Draft> {
  const disks = disksAtRisk(eviction, circumstances)
  for (const risk of disks) {
    const { node, disk } = risk
    for (const file of endedOnDisk('first file', risk, circumstances)) {
      const { image, diskUUID, at } = file.over
      yield {
        subjects: [{ node, disk, diskUUID, image }],
        found: `the first file of backing image ${image} was finished on ${whereOf(risk, diskUUID, circumstances)} only ${ago(at, circumstances)}`,
        why: `${whyPerhaps(risk, diskUUID, circumstances)}${unnoticedYet(node, circumstances)}`,
        ...inTime(file, circumstances),
      }
    }
  }
  if (disks.length === 0) return
  const node = eviction.node.metadata.name
  for (const unseen of unseenOf('BackingImageDataSource', circumstances)) {
    yield {
      subjects: [{ node, image: unseen.over.name }],
      found: unseenChanges(unseen, circumstances),
      why: `The guard did not see how it was in between. A first file on ${node} may have been finished that Longhorn has not noticed yet. ${consequence(node, circumstances)}`,
      ...inTime(unseen, circumstances),
    }
  }
}
