import type { Mark } from '../rules/acts.ts'
import type { Finding } from '../rules/finding.ts'

/** A finding that stops the change or puts it off. */
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
 * What the gate says of a change. A change is held for what passes by itself (a clean-up drains) and refused for
 * what does not; one refusing finding makes it a refusal.
 */
export type Verdict =
  | {
      readonly decision: 'allow'
      readonly warnings: readonly Warning[]
      /** Of an arming change for which an exception was asked and granted, whether it was needed or not. */
      readonly override?: { readonly reason: string }
      /** Why nobody could tell whether it is safe; it passes only where nothing is enforced, or by override. */
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

/** Weighs findings: without an objection the change is allowed, which only judging can find out. */
export function verdictOn(findings: readonly Finding[]): Exclude<Verdict, { decision: 'unavailable' }> {
  const warnings = findings.filter((finding): finding is Warning => finding.effect === 'warn')
  const [first, ...others] = findings.filter((finding): finding is Objection => finding.effect !== 'warn')
  if (!first) return { decision: 'allow', warnings }
  const objections: readonly [Objection, ...Objection[]] = [first, ...others]
  const decision = objections.some(({ effect }) => effect === 'refuse') ? 'refuse' : 'hold'
  return { decision, objections, warnings }
}

/** Everything that was found, objections first. */
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

/** True for what has to be on record: all but what passes at once and without a word. */
export function isOnRecord(verdict: Verdict, { heldMs }: { readonly heldMs: number }): boolean {
  if (verdict.decision !== 'allow' || verdict.warnings.length > 0 || heldMs > 0) return true
  return verdict.override !== undefined || verdict.unjudged !== undefined || verdict.mark !== undefined
}
