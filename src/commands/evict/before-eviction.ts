import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { assumption, isAssumed, profileOf } from '../../longhorn/releases.ts'
import { imagesWithoutDisk, noCopyThatCounts, wayOut, whereItsCopiesAre } from '../../rules/copies-left.ts'
import { type LossCircumstances, someWaitToBeLost } from '../../rules/lost.ts'
import type { Policy } from '../../rules/policy.ts'
import { lasting } from '../../rules/sentences.ts'
import type { GuardLostAfter, GuardSettle } from '../guard/ask-replicas.ts'
import { type Heeded, heededWords } from './heeded-release.ts'

/** What an eviction begins with. */
interface Beginning {
  readonly map: DiskMapView
  readonly policy: Policy
  /** The release whose order of steps it keeps to. */
  readonly heeded: Heeded
  /** In milliseconds since the epoch. */
  readonly timeOfDay: number
  readonly settle: GuardSettle | undefined
  readonly lostAfter: GuardLostAfter | undefined
  /** True if more than one node is emptied. */
  readonly isOneOfSeveral: boolean
}

/** Tells what is to be known before anything is done: what the release does, what is assumed, which images are nowhere. */
export function beforeEviction(
  { map, policy, heeded, timeOfDay, settle, lostAfter, isOneOfSeveral }: Beginning,
  note: (text: string) => void,
): void {
  const { release } = heeded
  const profile = profileOf(release)
  const crashing = profile === 'A' || profile === 'B'
  if (isAssumed(release)) note(assumption(release))
  const longhorn = heededWords(heeded)
  note(
    crashing
      ? `${longhorn} crashes if copies are removed while a flag is up, so the flag is cleared first.`
      : `${longhorn} removes copies while the flag is up, ${isOneOfSeveral ? 'and it is cleared once the node is empty' : 'and it stays up'}.`,
  )
  if (crashing && settle?.problem !== undefined) note(settleUnknown(settle, settle.problem))
  if (lostAfter?.problem !== undefined && someWaitToBeLost(map)) note(lostAfterUnknown(lostAfter))
  noteImagesNowhere({ map, policy, timeOfDay }, note)
}

/** An empty disk is not empty for certain then: Longhorn may know the file under another UUID. */
function noteImagesNowhere(circumstances: LossCircumstances, note: (text: string) => void): void {
  for (const nowhere of imagesWithoutDisk(circumstances)) {
    const { name } = nowhere.image.metadata
    note(
      `Warning: backing image ${name} has ${noCopyThatCounts}, and its file may be on this node: ${whereItsCopiesAre(nowhere, circumstances)}. What to do: ${wayOut(nowhere.image, circumstances.policy.longhornNamespace)}`,
    )
  }
}

function settleUnknown({ settleMs }: GuardSettle, why: string): string {
  return `The guard's replicas cannot be asked how long they wait until Longhorn has noticed, so the default of ${settleMs / 1_000} s is assumed. If the guard waits longer, it holds requests back, and they are tried again. ${why}`
}

function lostAfterUnknown({ lostAfterMs, problem = '' }: GuardLostAfter): string {
  return `The guard's replicas cannot be asked when a node that is down counts as lost, so the default lostAfter of ${lasting(lostAfterMs)} is assumed: ${problem}`
}
