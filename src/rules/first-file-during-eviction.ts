import type { DiskOwner } from '../disk-map/disk-map-view.ts'
import type { Placement } from './acts.ts'
import { firstUnsynced, meets } from './disks-at-risk.ts'
import { unownedIn } from './lost.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { ago, consequence, inTime, lookAtNode, perhapsTheDisk, theDisk, unseenEviction } from './sentences.ts'
import { unnoticedOn, unseenOf } from './unnoticed.ts'

/**
 * The first file of a new image on a disk of a flagged node (o5): Longhorn writes it to status before spec, which
 * looks like a pending clean-up for as long as it lasts. On profile B only the evicted disks matter; Longhorn chooses
 * none of them, unless it chose before the eviction was there to be seen. A flag that was cleared counts until Longhorn
 * has noticed, which is no reason to refuse for good.
 */
export const firstFileDuringEviction: Rule = {
  name: 'first-file-during-eviction',
  effects: { A: 'refuse', B: 'refuse', C: 'off', none: 'off' },

  *placement(placement, circumstances) {
    const { source, diskUUID } = placement
    const image = source.metadata.name
    const { map } = circumstances
    const known = map.ownersOf(diskUUID).map((owner) => ({ owner, where: theDisk(diskUUID, owner) }))
    const unsynced = unownedIn(map)(diskUUID) ? firstUnsynced(circumstances) : []
    const perhaps = unsynced.map((owner) => ({
      owner,
      where: perhapsTheDisk(diskUUID, owner, circumstances),
    }))
    for (const { owner, where } of [...known, ...perhaps]) {
      const node = map.node(owner.node)
      if (!node || !meets(node, owner.disk, circumstances)) continue
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        message: `the first file of backing image ${image} would be made on ${where}, where an eviction is requested: it stands in status before it stands in spec, and ${consequence(owner.node, circumstances)}`,
        clears: `place the first file on another node, or wait until no eviction is requested on ${owner.node}; ${lookAtNode(owner.node, circumstances)}`,
      }
    }
    yield* unnoticedEvictions(placement, circumstances)
  },
}

function* unnoticedEvictions({ source, diskUUID }: Placement, circumstances: Circumstances): Iterable<Draft> {
  const image = source.metadata.name
  const what = (owner: DiskOwner | undefined): string =>
    `the first file of backing image ${image} would be made on ${theDisk(diskUUID, owner)}`
  for (const eviction of unnoticedOn('eviction', diskUUID, circumstances)) {
    const { node, disk, evicting, at } = eviction.over
    if (circumstances.profile !== 'A' && !evicting) continue
    yield {
      effect: 'hold',
      subjects: [{ node, disk, diskUUID, image }],
      message: `${what({ node, disk })}, but the eviction on ${node} was cleared only ${ago(at, circumstances)}; Longhorn may not have noticed yet, and then ${consequence(node, circumstances)}`,
      ...inTime(eviction, circumstances),
    }
  }
  for (const unseen of unseenOf('Node', circumstances)) {
    const [owner] = circumstances.map.ownersOf(diskUUID)
    const { name: node } = unseen.over
    yield {
      effect: 'hold',
      subjects: [{ node, diskUUID, image }],
      message: `${what(owner)}, but ${unseenEviction(unseen, owner, circumstances)}`,
      ...inTime(unseen, circumstances),
    }
  }
}
