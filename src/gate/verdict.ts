import type { Finding } from '../rules/finding.ts'

/** A finding that stops the change or puts it off. */
export type Objection = Finding & { readonly effect: 'refuse' | 'hold' }

/** A finding that lets the change pass. */
export type Warning = Finding & { readonly effect: 'warn' }

/** Why an arming change cannot be judged now. Everything else passes meanwhile. */
export type Unavailability = 'disk-map-not-synced' | 'disk-map-too-old'

/**
 * What the gate says of a change. A change is held for what passes by itself (a clean-up drains) and refused for
 * what does not; one refusing finding makes it a refusal.
 */
export type Verdict =
  | { readonly decision: 'allow'; readonly warnings: readonly Warning[] }
  | {
      readonly decision: 'hold'
      readonly objections: readonly Objection[]
      readonly warnings: readonly Warning[]
    }
  | {
      readonly decision: 'refuse'
      readonly objections: readonly Objection[]
      readonly warnings: readonly Warning[]
    }
  | { readonly decision: 'unavailable'; readonly why: Unavailability; readonly warnings: readonly Warning[] }
