import type { Metadata } from '../longhorn/metadata.ts'
import { cut } from '../text/cut.ts'
import { plainLine } from '../text/plain-text.ts'
import type { Actor, Change } from './change.ts'
import { ruleNames, type RuleName } from './finding.ts'
import { readDeleteOverride } from './override-delete.ts'
import type { Mode, Policy } from './policy.ts'

/** Who may ask for exceptions, and from what. */
export interface OverridePolicy {
  /** Only members of one of these groups may; undefined: whoever may write the object. */
  readonly groups: readonly string[] | undefined
  /** Rules from which there is no exception. */
  readonly except: ReadonlySet<RuleName>
}

/**
 * What became of the annotation `holdfast.dev/override` in a request. It asks for an exception only where it is new
 * or changed in this very request, so that it works once: on the object it stays behind as a note. On an object that is
 * created it may be such a note, which a backup or a GitOps tool brings back, so it asks for nothing there. Before a DELETE
 * it is written on the object, in a form of its own ({@link readDeleteOverride}).
 */
export type Override =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'granted'; readonly reason: string }
  /** The annotation is empty, or spaces. */
  | { readonly outcome: 'no-reason' }
  /** It is for the deletion of another object, or of this one before its spec changed. */
  | { readonly outcome: 'other-object' }
  /** It is for the deletion of this object, and its time is over, or too far ahead, or it names none. */
  | { readonly outcome: 'expired' }
  /** It is on an object that is created. */
  | { readonly outcome: 'at-creation' }
  | { readonly outcome: 'not-permitted'; readonly groups: readonly string[] }

/** An annotation may have 256 KiB; a reason that a person reads has less, in UTF-16 units. */
const longestReason = 1_024

/** So much of it is looked at, each time that a change is judged. */
const lookedAt = 8 * longestReason

/** Reads what a change asks to be excepted from. The reason is one line, cut to 1,024 characters. */
export function overrideOf(change: Change, { override }: Pick<Policy, 'override'>): Override {
  const asked = askedBy(change)
  if (asked === undefined) return { outcome: 'none' }
  if (typeof asked === 'string') return { outcome: asked }
  const { groups } = override
  if (groups && !isMember(change.request.actor, groups)) return { outcome: 'not-permitted', groups }
  const reason = cut(plainLine(asked.reason.slice(0, lookedAt)).trim(), longestReason)
  return reason === '' ? { outcome: 'no-reason' } : { outcome: 'granted', reason }
}

type Asked = { readonly reason: string } | 'other-object' | 'expired' | 'at-creation' | undefined

function askedBy({ operation, before, after, request }: Change): Asked {
  switch (operation) {
    case 'CREATE':
      return after.metadata.override === undefined ? undefined : 'at-creation'
    case 'UPDATE':
      return askedIn(before.metadata, after.metadata)
    case 'DELETE':
      return askedForDelete(before.metadata, request.askedAt)
  }
}

function askedForDelete(metadata: Metadata, now: number | undefined): Asked {
  const override = readDeleteOverride(metadata, now)
  return override && override.standing !== 'current' ? override.standing : override
}

/** What is written to be used with a DELETE is no exception for the write that brings it. */
function askedIn(before: Metadata, after: Metadata): Asked {
  const reason = after.override
  if (reason === undefined || reason === before.override) return undefined
  return readDeleteOverride(after, undefined) ? undefined : { reason }
}

/** Tells of somebody and a rule whether an override by them would admit what the rule stops. */
export function mayOverride(actor: Actor, rule: RuleName, { modes, override }: Policy): boolean {
  const { groups, except } = override
  return modes[rule] === 'enforce' && !except.has(rule) && (!groups || isMember(actor, groups))
}

/**
 * The policy for one change: where an exception is granted, what would be enforced is warned about, except for the
 * rules that know no exception.
 */
export function policyFor(change: Change, policy: Policy, override = overrideOf(change, policy)): Policy {
  if (override.outcome !== 'granted') return policy
  const { except } = policy.override
  const soften = (rule: RuleName): Mode =>
    policy.modes[rule] === 'enforce' && !except.has(rule) ? 'warn' : policy.modes[rule]
  return { ...policy, modes: withModes(policy.modes, soften) }
}

/** The same rules with other modes. */
export function withModes(modes: Policy['modes'], modeOf: (rule: RuleName) => Mode): Record<RuleName, Mode> {
  const changed = { ...modes }
  for (const rule of ruleNames) changed[rule] = modeOf(rule)
  return changed
}

/** True if at least one rule can stop a change. */
export function enforcesAnything({ modes }: Pick<Policy, 'modes'>): boolean {
  return ruleNames.some((rule) => modes[rule] === 'enforce')
}

function isMember({ groups }: Actor, wanted: readonly string[]): boolean {
  return groups.some((group) => wanted.includes(group))
}
