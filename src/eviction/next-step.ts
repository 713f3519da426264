import type { DiskMapView, PendingCleanup } from '../disk-map/disk-map-view.ts'
import type { DiskFileSpec } from '../longhorn/backing-image.ts'
import { isReady, isReadySoon } from '../longhorn/copies.ts'
import { isFlagged } from '../longhorn/eviction.ts'
import { profileOf, type Profile } from '../longhorn/profile.ts'
import type { NodeChange } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { isInDanger } from '../rules/in-danger.ts'
import { judge } from '../rules/judge.ts'
import type { Policy } from '../rules/policy.ts'
import { isWorthless } from '../rules/usable.ts'
import {
  evictedBeside,
  findTarget,
  isClosed,
  isRequested,
  withEviction,
  type Target,
  type TargetDisks,
} from './target.ts'

/** What a safe eviction does next; told from the cluster alone, so that it can be taken up at any point. */
export type EvictionStep =
  /** A clean-up has to end before the flag may go up. */
  | { readonly step: 'wait-for-cleanup'; readonly cleanups: readonly PendingCleanup[] }
  /** Close the disks for scheduling and raise the flag. */
  | { readonly step: 'raise' }
  /** Longhorn moves the replicas away. */
  | { readonly step: 'wait-for-replicas'; readonly replicas: readonly string[] }
  /** Longhorn makes copies elsewhere, and marks those that go. */
  | { readonly step: 'wait-for-copies'; readonly images: readonly string[] }
  /** A clean-up has met the flag: take it down until that has ended. */
  | { readonly step: 'retreat'; readonly cleanups: readonly PendingCleanup[] }
  /** Take the flag down, so that copies are removed and drained without one. */
  | { readonly step: 'lower' }
  /** Longhorn removes the copies and deletes their files. */
  | { readonly step: 'wait-for-removal'; readonly images: readonly string[] }
  | { readonly step: 'done' }
  | { readonly step: 'impossible'; readonly problems: readonly string[] }

/** What a step depends on besides the disk map. */
export interface EvictionCircumstances {
  readonly policy: Policy
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * The next step of a safe eviction (longhorn.md §4). On releases that crash (profiles A and B) copies are removed only
 * after the flag is down: a copy that is marked is removed all the same, and then nothing can crash.
 */
export function nextStep(
  target: Target,
  map: DiskMapView,
  circumstances: EvictionCircumstances,
): EvictionStep {
  const found = findTarget(target, map)
  if (!found) return impossible(`there is no ${nameOf(target)}`)
  const profile = profileOf(circumstances.policy.release ?? map.release)
  const lost = [...found.uuids].filter(([, uuid]) => uuid === undefined).map(([disk]) => disk)
  if (lost.length > 0) {
    return impossible(
      `Longhorn has not looked at disk ${lost.join(', ')} of ${target.node} yet; is the node up?`,
    )
  }
  const replicas = disksOf(found).flatMap((uuid) => [...map.replicasOn(uuid)])
  // Before 1.7 copies are not moved: they stay where they are.
  const images = profile === 'none' ? [] : imagesOn(found, map)
  const pending = pendingOn(found, map)
  const left = { profile, replicas, images, pending, map, found }
  const crashing = profile === 'A' || profile === 'B'
  const requested = isRequested(target, found)
  if (!requested && !isFlagged(found.node) && isEmpty(left)) return { step: 'done' }
  if (crashing) {
    const beside = evictedBeside(target, found)
    if (beside.length > 0) return impossible(besideOthers(target, beside))
    if (isInDanger(found.node, map, profile))
      return { step: 'retreat', cleanups: [...map.pendingOnNode(target.node)] }
    // The flags of single disks, where the node's own is down already.
    if (isFlagged(found.node) && isOnlyRemoval(target, left)) return { step: 'lower' }
  }
  if (requested) return whileRequested(left, crashing)
  if (isEmpty(left)) return { step: 'done' }
  if (isOnlyRemoval(target, left)) return { step: 'wait-for-removal', images: named(images, pending) }
  const inTheWay = pendingInTheWay(found, profile, map, pending)
  if (inTheWay.length > 0) return { step: 'wait-for-cleanup', cleanups: inTheWay }
  const problems = objections(target, found, map, circumstances)
  return problems.length > 0 ? impossible(...problems) : { step: 'raise' }
}

/** What is still on the disks of a target. */
interface Left {
  readonly profile: Profile
  readonly replicas: readonly string[]
  readonly images: readonly string[]
  readonly pending: readonly PendingCleanup[]
  readonly map: DiskMapView
  readonly found: TargetDisks
}

function isEmpty({ replicas, images, pending }: Left): boolean {
  return replicas.length + images.length + pending.length === 0
}

function whileRequested(left: Left, crashing: boolean): EvictionStep {
  const { replicas, images, pending } = left
  if (replicas.length > 0) return { step: 'wait-for-replicas', replicas }
  if (!crashing) {
    const names = named(images, pending)
    return names.length > 0 ? { step: 'wait-for-removal', images: names } : { step: 'done' }
  }
  const waiting = images.filter((image) => !mayGo(image, left))
  return waiting.length > 0 ? { step: 'wait-for-copies', images: waiting } : { step: 'lower' }
}

/** True if Longhorn does all that remains by itself, whatever the flags say. */
function isOnlyRemoval(target: Target, left: Left): boolean {
  const { replicas, images, map, found } = left
  if (replicas.length > 0 || !isClosed(target, found)) return false
  if (isFlagged(found.node)) return images.every((image) => mayGo(image, left))
  return images.every((image) => isMarked(image, found, map))
}

/** True if the flag need not stay up for the copies of this image. */
function mayGo(image: string, { found, map }: Left): boolean {
  if (!isMarked(image, found, map)) return false
  return hasReplacement(image, found, map) || isReplacedLater(image, map) || isLost(image, found, map)
}

/** True if every copy of the image on these disks is marked, and so removed by Longhorn whatever the flags say. */
function isMarked(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const specs = map.image(name)?.spec.diskFileSpecMap
  return disksOf(found).every((uuid) => specs?.get(uuid)?.evictionRequested ?? true)
}

/** One is enough: Longhorn makes the others once the flag is down (longhorn.md §2, o4). */
function hasReplacement(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const going = new Set(disksOf(found))
  const specs = map.image(name)?.spec.diskFileSpecMap
  return map
    .copiesOf(name)
    .some(
      (copy) => isReady(copy) && !going.has(copy.diskUUID) && !specs?.get(copy.diskUUID)?.evictionRequested,
    )
}

/**
 * True if the replacement can come only once the flag is down: of several copies that all go, Longhorn keeps one until
 * there is a new one, and removes the others in the very write that adds it; who holds back the removal holds back both.
 */
function isReplacedLater(name: string, map: DiskMapView): boolean {
  const specs = map.image(name)?.spec.diskFileSpecMap ?? new Map<string, DiskFileSpec>()
  const isGoing = (uuid: string): boolean => specs.get(uuid)?.evictionRequested === true
  const going = [...specs.keys()].filter(isGoing)
  if (going.length < 2) return false
  return !map.copiesOf(name).some((copy) => isReadySoon(copy) && !isGoing(copy.diskUUID))
}

/** True if all copies of the image on these disks have failed: there is nothing to be replaced. */
function isLost(name: string, found: TargetDisks, map: DiskMapView): boolean {
  const disks = new Set(disksOf(found))
  return map.copiesOf(name).every((copy) => !disks.has(copy.diskUUID) || isWorthless(copy))
}

/** On profile A a clean-up on any disk of the node crashes it, on the others only one on a disk that is evicted. */
function pendingInTheWay(
  { node }: TargetDisks,
  profile: Profile,
  map: DiskMapView,
  own: readonly PendingCleanup[],
): readonly PendingCleanup[] {
  if (profile !== 'A') return own
  return [...map.pendingOnNode(node.metadata.name)]
}

/** What the guard would refuse for good, and what Longhorn could never finish. */
function objections(
  target: Target,
  { node }: TargetDisks,
  map: DiskMapView,
  { policy, now }: EvictionCircumstances,
): string[] {
  const change: NodeChange = {
    kind: 'Node',
    operation: 'UPDATE',
    before: node,
    after: withEviction(target, node),
    request: { uid: '', actor: { username: '', groups: [] }, dryRun: true, door: 'check' },
  }
  const isForGood = ({ rule, effect }: Finding): boolean =>
    effect === 'refuse' || rule === 'no-eviction-target'
  return judge(change, map, policy, now)
    .filter(isForGood)
    .map(({ message, clears }) => `${message}. What clears it: ${clears}`)
}

function disksOf({ uuids }: TargetDisks): string[] {
  return [...uuids.values()].flatMap((uuid) => uuid ?? [])
}

/** The images with a copy in spec on these disks. */
function imagesOn(found: TargetDisks, map: DiskMapView): string[] {
  const names = new Set<string>()
  for (const uuid of disksOf(found)) {
    for (const { metadata, spec } of map.imagesOn(uuid)) {
      if (spec.diskFileSpecMap.has(uuid)) names.add(metadata.name)
    }
  }
  return [...names]
}

function pendingOn(found: TargetDisks, map: DiskMapView): PendingCleanup[] {
  return disksOf(found).flatMap((uuid) => [...map.pendingOn(uuid)])
}

function named(images: readonly string[], pending: readonly PendingCleanup[]): string[] {
  return [...new Set([...images, ...pending.map(({ image }) => image)])]
}

/** `disk disk-1 of node node-1` */
export function nameOf({ node, disk }: Target): string {
  return disk === undefined ? `node ${node}` : `disk ${disk} of node ${node}`
}

function besideOthers(target: Target, beside: readonly string[]): string {
  return (
    `node ${target.node} has an eviction requested on ${beside.join(' and ')} too: copies of ${nameOf(target)} are removed only once ` +
    `no eviction is requested on the node, and Longhorn gives this one up if it ends before the other. ` +
    `Let the other one end first, or take its flag down, or empty the whole node (without --disk)`
  )
}

function impossible(...problems: string[]): EvictionStep {
  return { step: 'impossible', problems }
}
