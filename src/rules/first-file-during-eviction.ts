import type { Placement } from './acts.ts'
import { endangeredBy } from './disks-at-risk.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { ago, consequence, inTime, lookAtNode, unnoticedYet, unseenEviction } from './sentences.ts'
import { unnoticedOn, unseenOf } from './unnoticed.ts'

/**
 * The first file of a new image on a disk of a flagged node (o5). Longhorn writes it to status before spec,
 * which looks like a pending clean-up meanwhile. On profile B only the evicted disks matter; Longhorn chooses
 * none of them, except before it sees the eviction. A cleared flag counts until Longhorn has noticed, so it
 * is no permanent refusal.
 */
export const firstFileDuringEviction: Rule = {
  name: 'first-file-during-eviction',
  effects: { A: 'refuse', B: 'refuse', C: 'off', none: 'off' },

  *placement(placement, circumstances) {
    const { source, diskUUID } = placement
    const image = source.metadata.name
    for (const { owner, perhaps } of endangeredBy(circumstances)(diskUUID)) {
      yield {
        subjects: [{ ...owner, diskUUID, image }],
        found: `an eviction is requested on ${owner.node}`,
        why: `${perhaps}Longhorn writes a first file to status before spec, which looks like a clean-up. ${consequence(owner.node, circumstances)}`,
        next: `Place the first file on another node, or wait until no eviction is requested on ${owner.node}.`,
        look: lookAtNode(owner.node, circumstances),
      }
    }
    yield* unnoticedEvictions(placement, circumstances)
  },
}

function* unnoticedEvictions({ source, diskUUID }: Placement, circumstances: Circumstances): Iterable<Draft> {
  const image = source.metadata.name
  for (const eviction of unnoticedOn('eviction', diskUUID, circumstances)) {
    const { node, disk, evicting, at } = eviction.over
    if (circumstances.profile !== 'A' && !evicting) continue
    yield {
      effect: 'hold',
      subjects: [{ node, disk, diskUUID, image }],
      found: `the eviction of ${node} was cleared only ${ago(at, circumstances)}`,
      why: unnoticedYet(node, circumstances),
      ...inTime(eviction, circumstances),
    }
  }
  for (const unseen of unseenOf('Node', circumstances)) {
    const [owner] = circumstances.map.ownersOf(diskUUID)
    const { name: node } = unseen.over
    yield {
      effect: 'hold',
      subjects: [{ node, diskUUID, image }],
      ...unseenEviction(unseen, owner, circumstances),
      ...inTime(unseen, circumstances),
    }
  }
}
