import type { Policy } from '../../rules/policy.ts'
import { findingsOf } from '../../gate/verdict.ts'
import { Checker } from './checker.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Checked } from './problems.ts'
import type { Proposed } from './proposals.ts'
import { resultOf, resultUnreadable, resultWithout } from './result.ts'
import { unknownFor } from './unknown.ts'

/** Judges each proposed change by itself, in order. */
export async function judgeAll(
  proposed: readonly Proposed[],
  state: ClusterState,
  policy: Policy,
): Promise<Checked[]> {
  let judged: Checked['judged']
  const checker = new Checker(state, policy, (change, verdict) => {
    judged = { change, findings: findingsOf(verdict) }
  })
  const checked: Checked[] = []
  for (const { source, place, written, proposal } of proposed) {
    judged = undefined
    const result =
      typeof proposal === 'string'
        ? resultUnreadable(source, proposal)
        : proposal.outcome === 'review'
          ? resultOf(source, proposal, await checker.check(proposal.review))
          : resultWithout(source, proposal)
    checked.push(withFindings({ result, place, written }, judged, state))
  }
  return checked
}

function withFindings(checked: Checked, judged: Checked['judged'], { knows }: ClusterState): Checked {
  if (judged === undefined) return checked
  const unknown = unknownFor(judged.change, knows)
  return { ...checked, result: { ...checked.result, ...(unknown.length > 0 && { unknown }) }, judged }
}
