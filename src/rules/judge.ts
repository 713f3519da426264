import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { profileOf } from '../longhorn/releases.ts'
import { type Act, type Actor, actsOf, type Change } from './change.ts'
import { belowMinCopies, evictUnreadyCopy, lastUsableCopy } from './too-few-copies.ts'
import { cleanupDuringEviction, firstFileDuringEviction } from './cleanup-during-eviction.ts'
import { copyInUse } from './copy-in-use.ts'
import { diskRemovalWithCopies } from './disk-removal-with-copies.ts'
import { evictionBudget, lingeringEviction, noEvictionTarget } from './evictions-under-way.ts'
import { evictionDuringCleanup, firstFileUnfinished } from './eviction-during-cleanup.ts'
import { doing } from './doing.ts'
import type { Finding } from './finding.ts'
import { imagesNowhere } from './copies-left.ts'
import type { Policy } from './policy.ts'
import type { Circumstances, Draft, Moment, Rule } from './rule.ts'

/**
 * Judges a change by every rule that concerns its effects. It is pure. A change without concern, the vast
 * majority, costs no more than finding that out.
 */
export function judge(change: Change, map: DiskMapView, policy: Policy, moment: Moment): Finding[] {
  const acts = actsOf(change)
  return acts.length === 0 ? [] : judgeActs(acts, change.request.actor, { map, policy, ...moment })
}

/** The same for a change whose effects are already known. */
export function judgeActs(
  acts: readonly Act[],
  actor: Actor,
  { map, policy, ...moment }: Pick<Circumstances, 'map' | 'policy' | keyof Moment>,
): Finding[] {
  const release = policy.release ?? map.release
  const profile = profileOf(release)
  const circumstances: Circumstances = { map, policy, actor, release, profile, ...moment }
  return allRules.flatMap((rule) => acts.flatMap((act) => findings(rule, act, circumstances)))
}

function findings(rule: Rule, act: Act, circumstances: Circumstances): Finding[] {
  const mode = circumstances.policy.modes[rule.name]
  const usual = rule.effects[circumstances.profile]
  if (mode === 'off' || usual === 'off') return []
  // Clearing flags is the cure: whatever a rule's table says, it gets at most a warning (longhorn.md §2).
  const most = mode === 'warn' || act.act === 'flags-cleared' ? 'warn' : undefined
  return [...draft(rule, act, circumstances)].map(({ effect, ...draft }) => ({
    ...draft,
    rule: rule.name,
    effect: most ?? effect ?? usual,
    doing: doing([act], circumstances.map, draft.subjects),
  }))
}

function draft(rule: Rule, act: Act, circumstances: Circumstances): Iterable<Draft> {
  switch (act.act) {
    case 'eviction':
      return rule.eviction?.(act, circumstances) ?? []
    case 'disk-removal':
      return rule['disk-removal']?.(act, circumstances) ?? []
    case 'cleanup':
      return rule.cleanup?.(act, circumstances) ?? []
    case 'placement':
      return rule.placement?.(act, circumstances) ?? []
    case 'flags-cleared':
      return rule['flags-cleared']?.(act, circumstances) ?? []
  }
}

/** Every rule, in the order of findings: crashes first, then losses, then unwise changes. */
export const allRules: readonly Rule[] = [
  evictionDuringCleanup,
  cleanupDuringEviction,
  firstFileDuringEviction,
  firstFileUnfinished,
  lastUsableCopy,
  evictUnreadyCopy,
  copyInUse,
  belowMinCopies,
  diskRemovalWithCopies,
  imagesNowhere,
  noEvictionTarget,
  lingeringEviction,
  evictionBudget,
]
