import type { DiskOwner } from '../disk-map/disk-map-view.ts'
import type { Eviction } from './acts.ts'
import { disksAtRisk, endedOnDisk, firstFilesOnDisk, whereOf, whyPerhaps } from './disks-at-risk.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { ago, consequence, inTime, unnoticedYet, unseenChanges } from './sentences.ts'
import { unseenOf } from './unnoticed.ts'

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
        yield draft(
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
    yield draft(
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

function draft({ image, diskUUID, owner, found, perhaps }: FirstFile, { policy }: Circumstances): Draft {
  return {
    subjects: [{ ...(owner && { node: owner.node, disk: owner.disk }), diskUUID, image }],
    found,
    why: `${perhaps}Longhorn would remove the copy and add it again in a loop, with a clean-up pending each time.`,
    next: 'The request is allowed once the first file is there (spec.fileTransferred is true). If it never will be, delete the backing image.',
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
