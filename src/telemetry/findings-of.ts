import type { Finding } from '../rules/finding.ts'
import type { Verdict } from '../gate/verdict.ts'

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
