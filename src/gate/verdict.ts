import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Act, Change, Mark } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { judgeActs } from '../rules/judge.ts'
import { enforcesAnything, isImpatient, overrideOf, type Policy, policyFor } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'

/** A finding that denies the change or makes it wait. */
export type Objection = Finding & { readonly effect: 'refuse' | 'hold' }

/** A finding that lets the change pass. */
export type Warning = Finding & { readonly effect: 'warn' }

/** Why an arming change cannot be judged now. Everything else passes meanwhile. */
export type Unavailability =
  | 'disk-map-not-synced'
  | 'disk-map-too-old'
  | 'disk-map-incomplete'
  | 'reservations-unreachable'
  | 'not-confirmed'
  | 'object-not-known'

/**
 * The gate's verdict on a change. A change is held if the obstacle goes away by itself (a clean-up ends), and
 * refused otherwise. One refusing finding makes it a refusal.
 */
export type Verdict =
  | {
      readonly decision: 'allow'
      readonly warnings: readonly Warning[]
      /** For an arming change with a granted override, whether or not it was needed. */
      readonly override?: { readonly reason: string }
      /** Why its safety is unknown; it passes only if nothing is enforced, or by override. */
      readonly unjudged?: Unavailability
      /** Why it was not judged: see {@link Mark}. */
      readonly mark?: Mark
    }
  | {
      readonly decision: 'hold' | 'refuse'
      /** At least one. */
      readonly objections: readonly [Objection, ...Objection[]]
      readonly warnings: readonly Warning[]
    }
  | { readonly decision: 'unavailable'; readonly why: Unavailability; readonly warnings: readonly Warning[] }

/** What the user gets: a hold is a denial for an account that must not wait, since nothing of it waits or is retried. */
export function decisionFor(
  { request: { actor } }: Pick<Change, 'request'>,
  { decision }: Pick<Verdict, 'decision'>,
  policy: Pick<Policy, 'longhornNamespace' | 'impatient'>,
): Verdict['decision'] {
  return decision === 'hold' && isImpatient(actor, policy) ? 'refuse' : decision
}

/** Weighs findings: without an objection the change is allowed, which only judging can find out. */
export function verdictOn(findings: readonly Finding[]): Exclude<Verdict, { decision: 'unavailable' }> {
  const warnings = findings.filter((finding): finding is Warning => finding.effect === 'warn')
  const [first, ...others] = findings.filter((finding): finding is Objection => finding.effect !== 'warn')
  if (!first) return { decision: 'allow', warnings }
  const objections: readonly [Objection, ...Objection[]] = [first, ...others]
  const decision = objections.some(({ effect }) => effect === 'refuse') ? 'refuse' : 'hold'
  return { decision, objections, warnings }
}

/** All findings, objections first. */
export function findingsOf(verdict: Verdict): readonly Finding[] {
  switch (verdict.decision) {
    case 'hold':
    case 'refuse':
      return [...verdict.objections, ...verdict.warnings]
    case 'allow':
    case 'unavailable':
      return verdict.warnings
  }
}

/** True for a verdict that has to be recorded: all except a silent, immediate pass. */
export function isOnRecord(verdict: Verdict, { heldMs }: { readonly heldMs: number }): boolean {
  if (verdict.decision !== 'allow' || verdict.warnings.length > 0 || heldMs > 0) return true
  return verdict.override !== undefined || verdict.unjudged !== undefined || verdict.mark !== undefined
}

/** A change of concern in the form in which it is decided: read once, and the same for every attempt. */
export interface Asked {
  readonly change: Change
  readonly acts: readonly Act[]
  /** True if it can contribute to danger: it does more than clear flags. */
  readonly arming: boolean
  /** The operator's policy. With a granted override, enforced rules become warnings. */
  readonly policy: Policy
  /** The granted override. */
  readonly override: { readonly reason: string } | undefined
}

/** Reads a change. @param acts its effects */
export function readChange(change: Change, acts: readonly Act[], policy: Policy): Asked {
  const override = overrideOf(change, policy)
  return {
    change,
    acts,
    arming: acts.some(({ act }) => act !== 'flags-cleared'),
    policy: policyFor(change, policy, override),
    override: override.outcome === 'granted' ? { reason: override.reason } : undefined,
  }
}

/** Judges it by every rule, on the map or on reads. @param policy for the release that counts there */
export function judgeAsked(
  { acts, change }: Asked,
  { map, policy, clock }: { map: DiskMapView; policy: Policy; clock: Pick<Clock, 'now' | 'monotonic'> },
): ReturnType<typeof verdictOn> {
  const moment = { now: clock.monotonic(), timeOfDay: clock.now() }
  return verdictOn(judgeActs(acts, change.request.actor, { map, policy, ...moment }))
}

/** The verdict that lets it pass. */
export function allow(
  { override }: Asked,
  warnings: readonly Warning[],
): Extract<Verdict, { decision: 'allow' }> {
  return { decision: 'allow', warnings, ...(override && { override }) }
}

/** An unjudged change passes only if it would have passed with every result. */
export function unavailable(asked: Asked, why: Unavailability, warnings: readonly Warning[]): Verdict {
  if (enforcesAnything(asked.policy)) return { decision: 'unavailable', why, warnings }
  return { ...allow(asked, warnings), unjudged: why }
}
