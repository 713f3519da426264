import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Act } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import { judgeActs } from '../rules/judge.ts'
import { enforcesAnything, overrideOf, type Policy, policyFor } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import { type Unavailability, type Verdict, verdictOn, type Warning } from './verdict.ts'

/** A change that does something of concern, as it is decided on: read once, and the same for every attempt. */
export interface Asked {
  readonly change: Change
  readonly acts: readonly Act[]
  /** True if it can contribute to danger: it does more than clear flags. */
  readonly arming: boolean
  /** The operator's policy; where an exception was asked and granted, what it would enforce is warned about. */
  readonly policy: Policy
  /** The exception that was granted. */
  readonly override: { readonly reason: string } | undefined
}

/** Reads a change. @param acts what it does */
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

/** Judges it by every rule, on what is known or was read. @param policy for the release that counts there */
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

/** What cannot be judged passes only where it would have passed whatever came of judging it. */
export function unavailable(asked: Asked, why: Unavailability, warnings: readonly Warning[]): Verdict {
  if (enforcesAnything(asked.policy)) return { decision: 'unavailable', why, warnings }
  return { ...allow(asked, warnings), unjudged: why }
}
