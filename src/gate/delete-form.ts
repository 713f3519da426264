import type { Change } from '../rules/change.ts'
import { overrideOf, type Policy } from '../rules/policy.ts'
import type { Verdict } from './verdict.ts'

const ignored =
  'the override was ignored: one that begins with "delete" counts for the deletion of its object only. For an update, set annotation holdfast.dev/override to the reason alone, in the same write'

/**
 * What a person is told whose update brings an override in the form for a deletion, and meets an objection or a warning.
 * The write that only brings it, before the deletion, passes without a word.
 */
export function aboutDeleteForm(
  change: Change,
  verdict: Verdict,
  policy: Pick<Policy, 'override'>,
): readonly string[] {
  if (change.operation !== 'UPDATE') return []
  const { override } = change.after.metadata
  const isNew = override !== undefined && override !== change.before.metadata.override
  // Every other one is granted, or refused for a reason of its own.
  if (!isNew || overrideOf(change, policy).outcome !== 'none') return []
  return verdict.decision === 'allow' && verdict.warnings.length === 0 ? [] : [ignored]
}
