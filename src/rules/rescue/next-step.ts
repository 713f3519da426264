import type { DiskMapView, PendingOnNode } from '../../disk-map/disk-map-view.ts'
import type { Node } from '../../longhorn/node.ts'
import { type Profile, profileOf } from '../../longhorn/releases.ts'
import type { Flags } from '../../longhorn/rescue-note.ts'
import { proposedUpdate } from '../change.ts'
import { isInDanger } from '../disks-at-risk.ts'
import type { Finding } from '../finding.ts'
import { judge } from '../judge.ts'
import { oneLineOf } from '../layout.ts'
import type { Policy } from '../policy.ts'
import type { Moment } from '../rule.ts'
import { type AwaitedCleanup, awaited, cleanupsMet } from './cleanups.ts'
import { bothFlags, flagsUp, isNone, noFlags, toRaise, withFlags } from './flags.ts'
import { isManagerReady, podOn, type SeenPods } from './managers.ts'

/** What a rescue of one node does next; told from the cluster alone, so that it can be taken up at any point. */
export type RescueStep =
  /** Take all flags of the node down, and note them on it: a flag and a clean-up have met. */
  | { readonly step: 'clear'; readonly flags: Flags; readonly cleanups: readonly PendingOnNode[] }
  /** Make the guard's note one of this rescue, so that no guard raises the flags. */
  | { readonly step: 'take-over' }
  /** The flags that are noted would meet these. */
  | { readonly step: 'wait-for-cleanup'; readonly cleanups: readonly AwaitedCleanup[] }
  /** @property pod null if the node has none, or if it may not be looked at */
  | {
      readonly step: 'wait-for-manager'
      readonly pod: string | null
      readonly restarts: number
      readonly reason: string | null
    }
  /** Longhorn may not have noticed yet that a clean-up is over: `until`, in milliseconds by the monotonic clock. */
  | { readonly step: 'wait-for-notice'; readonly until: number }
  /** Another rule than that of clean-ups would hold the flags back. */
  | { readonly step: 'wait-for-rule'; readonly problems: readonly string[] }
  | { readonly step: 'raise'; readonly flags: Flags }
  /** Take the note away and leave the flags as they are. */
  | { readonly step: 'forget'; readonly why: 'leave-cleared' | 'already-up' }
  /** @property noted the flags that stay down and noted; none after `raise`, `forget`, and where nothing was wrong */
  | { readonly step: 'done'; readonly noted: Flags; readonly manager: 'ready' | 'not ready' }
  /** Somebody deletes the node, or has done so. */
  | { readonly step: 'gone' }
  /** The flags are down, and cannot be raised again. */
  | { readonly step: 'blocked'; readonly problems: readonly string[] }

/** What becomes of the flags: raised again, left down and noted (no guard), or left down for good. */
export type Ending = 'raise' | 'leave-noted' | 'leave-cleared'

/** What a step depends on besides the disk map. */
export interface RescueCircumstances extends Moment {
  readonly policy: Policy
  readonly pods: SeenPods
  readonly ending: Ending
  /** Since when the disk map follows the cluster, by the monotonic clock: of what ended before it knows nothing. */
  readonly watchingSince: number
}

/**
 * The next step of a rescue, which is Longhorn's published work-around: flags down, wait for the clean-ups, flags up
 * again. The note on the node says which: it is there from the write that takes them down to the one that raises them.
 */
export function nextRescueStep(
  name: string,
  map: DiskMapView,
  circumstances: RescueCircumstances,
): RescueStep {
  const node = map.node(name)
  if (!node) return { step: 'gone' }
  const { pods, ending } = circumstances
  const profile = profileOf(circumstances.policy.release ?? map.release)
  const noted = notedOn(node)
  if (isInDanger(node, map, profile)) {
    const cleanups = cleanupsMet(node, map, profile)
    return { step: 'clear', flags: bothFlags(noted ?? noFlags, flagsUp(node)), cleanups }
  }
  if (node.metadata.terminating) return { step: 'gone' }
  const manager = isManagerReady(node, pods) ? 'ready' : 'not ready'
  if (node.rescue?.ok === false && ending !== 'leave-cleared')
    return { step: 'blocked', problems: [unreadableNote(node.rescue.problem)] }
  if (!noted && !node.rescue) return { step: 'done', noted: noFlags, manager }
  if (ending === 'leave-cleared' && node.rescue?.ok === true && node.rescue.value.guard)
    return { step: 'take-over' }
  const raised = withFlags(node, noted ?? noFlags)
  const cleanups = cleanupsMet(raised, map, profile)
  if (cleanups.length > 0) return { step: 'wait-for-cleanup', cleanups: awaited(cleanups, node, map, pods) }
  if (manager === 'not ready') return waitForManager(node, pods)
  if (ending === 'leave-cleared') return { step: 'forget', why: 'leave-cleared' }
  const flags = toRaise(noted ?? noFlags, node)
  if (isNone(flags)) return { step: 'forget', why: 'already-up' }
  if (ending === 'leave-noted') return { step: 'done', noted: flags, manager }
  return whetherToRaise(flags, node, map, profile, circumstances)
}

/** What the guard would say decides, with what this process cannot have seen taken for the worst. */
function whetherToRaise(
  flags: Flags,
  node: Node,
  map: DiskMapView,
  profile: Profile,
  { policy, watchingSince, now, timeOfDay }: RescueCircumstances,
): RescueStep {
  const findings = findingsOn(flags, node, map, policy, { now, timeOfDay })
  const refused = findings.filter(({ effect }) => effect === 'refuse')
  if (refused.length > 0) return { step: 'blocked', problems: refused.map((finding) => oneLineOf(finding)) }
  const held = findings.filter(({ effect }) => effect === 'hold')
  const timeless = held.filter(({ until }) => until === undefined)
  if (timeless.length > 0)
    return { step: 'wait-for-rule', problems: timeless.map((finding) => oneLineOf(finding)) }
  const crashing = profile === 'A' || profile === 'B'
  const unseenUntil = crashing ? watchingSince + policy.settleMs : 0
  const until = Math.max(unseenUntil, ...held.flatMap((finding) => finding.until ?? []))
  return until > now ? { step: 'wait-for-notice', until } : { step: 'raise', flags }
}

function findingsOn(flags: Flags, node: Node, map: DiskMapView, policy: Policy, moment: Moment): Finding[] {
  return judge(proposedUpdate(node, withFlags(node, flags)), map, policy, moment)
}

function waitForManager(node: Node, pods: SeenPods): RescueStep {
  const pod = podOn(node.metadata.name, pods)
  return {
    step: 'wait-for-manager',
    pod: pod?.name ?? null,
    restarts: pod?.restarts ?? 0,
    reason: pod?.waiting ?? node.status.notReady?.reason ?? null,
  }
}

function notedOn({ rescue }: Node): Flags | undefined {
  return rescue?.ok === true ? { node: rescue.value.node, disks: rescue.value.disks } : undefined
}

function unreadableNote(problem: string): string {
  return `The note of an earlier rescue cannot be read (${problem}), so nothing tells which flags were up. Raise them by hand, and take the note away with --leave-cleared.`
}

/** True for a node that a rescue is about: its manager crashes, or an earlier rescue of it is not finished. */
export function isConcerned(node: Node, map: DiskMapView, profile: Profile): boolean {
  return node.rescue !== undefined || isInDanger(node, map, profile)
}
