import type { DiskMapView, PendingCleanup } from '../../disk-map/disk-map-view.ts'
import { isFlagged } from '../../longhorn/node.ts'
import { type Profile, profileOf } from '../../longhorn/releases.ts'
import { isNone, notedFlags } from '../../rules/rescue/flags.ts'
import { proposedUpdate } from '../../rules/change.ts'
import { isInDanger, type NoticeCircumstances, unnoticedOn } from '../../rules/disks-at-risk.ts'
import type { Finding } from '../../rules/finding.ts'
import { judge } from '../../rules/judge.ts'
import { oneLineOf } from '../../rules/layout.ts'
import { insteadOfEviction, onlyItsManager, whyNodeLost } from '../../rules/lost.ts'
import type { Policy } from '../../rules/policy.ts'
import type { Moment } from '../../rules/rule.ts'
import {
  evictedBeside,
  findTarget,
  imagesLeft,
  isClosed,
  isEmpty,
  isOnlyRemoval,
  isRequested,
  mayGo,
  type Remains,
  remainsOn,
  type Target,
  type TargetDisks,
  withEviction,
} from './remains.ts'

/**
 * The next step of a safe eviction. It depends on the cluster alone, so an eviction can be continued at any
 * point.
 */
export type EvictionStep =
  /** A clean-up has to end before the flag may go up. */
  | { readonly step: 'wait-for-cleanup'; readonly cleanups: readonly PendingCleanup[] }
  /**
   * Longhorn may not have noticed an ended change. Until it has, the flag must not go up after a clean-up,
   * and no copy may be removed after the flag was cleared. The wait ends at `until`, in milliseconds by the
   * monotonic clock.
   */
  | { readonly step: 'wait-for-notice'; readonly of: 'clean-up' | 'flag'; readonly until: number }
  /** The guard's budget is used up by other evictions: it would hold the flag back. */
  | { readonly step: 'wait-for-room'; readonly problems: readonly string[] }
  /** Nothing is left, and scheduling is open: close it, so that nothing new comes. */
  | { readonly step: 'close' }
  /** Close the disks for scheduling and raise the flag. */
  | { readonly step: 'raise' }
  /** Longhorn moves the replicas away. */
  | { readonly step: 'wait-for-replicas'; readonly replicas: readonly string[] }
  /** Longhorn makes copies elsewhere, and marks the old ones. */
  | { readonly step: 'wait-for-copies'; readonly images: readonly string[] }
  /** A clean-up has met the flag: clear the flag until the clean-up has ended. */
  | { readonly step: 'retreat'; readonly cleanups: readonly PendingCleanup[] }
  /** Clear the flag, so that copies are removed and drained without one. */
  | { readonly step: 'lower' }
  /** Longhorn removes the copies and deletes their files. */
  | { readonly step: 'wait-for-removal'; readonly images: readonly string[] }
  /** A rescue has noted flags of the target, to raise them again. This eviction takes its place, so the note goes. */
  | { readonly step: 'take-over' }
  /** The node is empty, and its flag is in the way of the next one's. */
  | { readonly step: 'clear' }
  /** Kubernetes moves the pods away, once a person drains the node. */
  | { readonly step: 'wait-for-drain'; readonly cordoned: boolean; readonly pods: readonly string[] }
  /** No pod is left but those that a drain leaves. */
  | { readonly step: 'drained' }
  | { readonly step: 'done' }
  | { readonly step: 'impossible'; readonly problems: readonly string[] }

/** What a step depends on besides the disk map. */
export interface EvictionCircumstances extends Moment {
  readonly policy: Policy
  /** True if others are emptied too: the flag of an empty node makes room for theirs then. */
  readonly isOneOfSeveral?: boolean
}

/**
 * The next step of a safe eviction (longhorn.md §4). On releases that crash (profiles A and B) copies are
 * removed only after the flag is cleared. Longhorn removes a marked copy even then, without a crash.
 */
export function nextEvictionStep(
  target: Target,
  map: DiskMapView,
  circumstances: EvictionCircumstances,
): EvictionStep {
  const step = stepOf(target, map, circumstances)
  const node = map.node(target.node)
  // Whoever raised them later would not know that the target is empty by then.
  const isNoted = node !== undefined && !isNone(notedFlags(node, target.disk))
  return isNoted && step.step !== 'impossible' && step.step !== 'retreat' ? { step: 'take-over' } : step
}

function stepOf(target: Target, map: DiskMapView, circumstances: EvictionCircumstances): EvictionStep {
  const found = findTarget(target, map)
  if (!found) return impossible(`there is no ${targetName(target)}`)
  const profile = profileOf(circumstances.policy.release ?? map.release)
  const lost = [...found.uuids].filter(([, uuid]) => uuid === undefined).map(([disk]) => disk)
  if (lost.length > 0) {
    return impossible(
      `Longhorn has not synced disk ${lost.join(', ')} of ${target.node} yet; is the node up?`,
    )
  }
  const remains = remainsOn(found, map, profile)
  const crashing = profile === 'A' || profile === 'B'
  const requested = isRequested(target, found)
  const empty: EvictionStep = isClosed(target, found) ? { step: 'done' } : { step: 'close' }
  if (!requested && !isFlagged(found.node) && isEmpty(remains)) return empty
  if (crashing) {
    const beside = evictedBeside(target, found)
    if (beside.length > 0) return impossible(besideOthers(target, beside))
    if (isInDanger(found.node, map, profile))
      return { step: 'retreat', cleanups: [...map.pendingOnNode(target.node)] }
    // The flags of single disks, after the node's own was cleared.
    if (isFlagged(found.node) && isOnlyRemoval(target, remains)) return { step: 'lower' }
  }
  const whyLost = whyNodeLost(found.node, circumstances)
  if (whyLost !== undefined && !isEmpty(remains)) {
    return impossible(
      `the eviction of node ${target.node} does nothing, since ${whyLost}. ${onlyItsManager} ${insteadOfEviction(found.node, circumstances)}`,
    )
  }
  if (requested) {
    const step = whileRequested(remains, crashing)
    return step.step === 'done' && circumstances.isOneOfSeveral === true ? { step: 'clear' } : step
  }
  if (isEmpty(remains)) return empty
  if (isOnlyRemoval(target, remains)) {
    const noticed = flagNoticed(found, { ...circumstances, map, profile })
    // A file that is being deleted does not wait for the rest.
    if (noticed !== undefined && remains.images.length > 0)
      return { step: 'wait-for-notice', of: 'flag', until: noticed }
    return { step: 'wait-for-removal', images: imagesLeft(remains) }
  }
  const inTheWay = pendingInTheWay(found, profile, remains)
  if (inTheWay.length > 0) return { step: 'wait-for-cleanup', cleanups: inTheWay }
  const findings = findingsOn(target, found, map, circumstances)
  const problems = findings.filter(isForGood).map((finding) => oneLineOf(finding))
  if (problems.length > 0) return impossible(...problems)
  const room = findings.filter(({ rule, effect }) => rule === 'eviction-budget' && effect === 'hold')
  if (room.length > 0) return { step: 'wait-for-room', problems: room.map(({ found }) => found) }
  const ends = findings.flatMap(({ until }) => until ?? [])
  return ends.length > 0
    ? { step: 'wait-for-notice', of: 'clean-up', until: Math.max(...ends) }
    : { step: 'raise' }
}

/** When Longhorn has noticed the cleared flag; undefined once it has. */
function flagNoticed({ node, uuids }: TargetDisks, circumstances: NoticeCircumstances): number | undefined {
  const ends: number[] = []
  for (const uuid of uuids.values()) {
    if (uuid === undefined) continue
    for (const { over, until } of unnoticedOn('eviction', uuid, circumstances)) {
      if (over.node === node.metadata.name && (circumstances.profile === 'A' || over.evicting))
        ends.push(until)
    }
  }
  return ends.length > 0 ? Math.max(...ends) : undefined
}

function whileRequested(remains: Remains, crashing: boolean): EvictionStep {
  const { replicas, images } = remains
  if (replicas.length > 0) return { step: 'wait-for-replicas', replicas }
  if (!crashing) {
    const left = imagesLeft(remains)
    return left.length > 0 ? { step: 'wait-for-removal', images: left } : { step: 'done' }
  }
  const waiting = images.filter((image) => !mayGo(image, remains))
  return waiting.length > 0 ? { step: 'wait-for-copies', images: waiting } : { step: 'lower' }
}

/** On profile A a clean-up on any disk of the node crashes it, on the others only one on an evicted disk. */
function pendingInTheWay(
  { node }: TargetDisks,
  profile: Profile,
  { map, pending }: Remains,
): readonly PendingCleanup[] {
  return profile === 'A' ? [...map.pendingOnNode(node.metadata.name)] : pending
}

/** The guard's verdict on raising the flag. */
function findingsOn(
  target: Target,
  { node }: TargetDisks,
  map: DiskMapView,
  { policy, ...moment }: EvictionCircumstances,
): Finding[] {
  return judge(proposedUpdate(node, withEviction(target, node)), map, policy, moment)
}

/**
 * The permanent refusals of the guard, and evictions that Longhorn can never finish. A manager that is down
 * may return at once. So findings about its node that name no image are not permanent, unless the node is
 * lost.
 */
function isForGood({ rule, effect, subjects }: Finding): boolean {
  if (effect === 'refuse') return true
  return rule === 'no-eviction-target' && subjects.some(({ image }) => image !== undefined)
}

/** `disk disk-1 of node node-1` */
export function targetName({ node, disk }: Target): string {
  return disk === undefined ? `node ${node}` : `disk ${disk} of node ${node}`
}

function besideOthers(target: Target, beside: readonly string[]): string {
  return (
    `node ${target.node} has an eviction requested on ${beside.join(' and ')} too: copies of ${targetName(target)} are removed only once ` +
    `no eviction is requested on the node, and Longhorn gives this one up if it ends before the other. ` +
    `Let the other one end first, or clear its flag, or empty the whole node (without --disk)`
  )
}

function impossible(...problems: string[]): EvictionStep {
  return { step: 'impossible', problems }
}
