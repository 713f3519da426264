import { fixedRelease, profileOf } from '../../longhorn/releases.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import type { Facts, ReplicaPolicy } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

/**
 * Why a replica would not stop the dangerous end of an eviction on a release that crashes; undefined if it
 * would.
 */
export function whyNotHeld({
  replica,
  modes,
  evictionCompletion,
  release,
}: ReplicaPolicy): string | undefined {
  const mode = modes['cleanup-during-eviction'] ?? 'off'
  if (mode !== 'enforce') return `replica ${replica} has rule cleanup-during-eviction set to ${mode}`
  if (evictionCompletion === 'allow') return `replica ${replica} has evictionCompletion: allow`
  if (release === null || ['A', 'B'].includes(profileOf(release))) return undefined
  return `replica ${replica} has longhornRelease: ${release}, which does not crash`
}

/** Whether the replicas enforce the rules, and all of them the same. */
export function checkPolicies({
  policies,
  map,
  names,
}: Pick<Facts, 'policies' | 'map' | 'names'>): DoctorFinding[] {
  if ('problem' in policies) {
    return [
      notKnown('rules', 'The replicas of the guard could not be asked for their rules.', policies.problem),
    ]
  }
  const running = 'seen' in map ? map.seen.release : undefined
  const findings = policies.seen.flatMap((policy) => [...weakened(policy), ...misjudging(policy, running)])
  const remedy = `Look: kubectl -n ${names.namespace} get configmap -l ${guardSelector} -o yaml, keys mode, rules, evictionCompletion and longhornRelease`
  const different = new Set(policies.seen.map(textOf))
  const warnings = findings.map(({ what, why }) => problem('warn', 'rules', { what, why, remedy }))
  if (different.size > 1) {
    warnings.push(
      problem('warn', 'rules', {
        what: 'The replicas have different rules.',
        why: 'The answer to a request then depends on the replica that the API server asks.',
        remedy: `kubectl -n ${names.namespace} rollout restart deployment -l ${guardSelector}`,
      }),
    )
  }
  return warnings.length > 0
    ? warnings
    : [ok('rules', `All replicas of the guard that were asked (${policies.seen.length}) enforce all rules.`)]
}

function weakened({ replica, modes, evictionCompletion }: ReplicaPolicy) {
  const rules = Object.keys(defaultPolicy.modes)
  const weak = rules.filter((rule) => modes[rule] !== 'enforce')
  const found: { what: string; why: string }[] = []
  if (weak.length === rules.length) {
    found.push({
      what: `Replica ${replica} of the guard only warns: it enforces no rule.`,
      why: 'It denies nothing. Writes that could crash a manager or lose data pass, with a warning at most.',
    })
  } else if (weak.length > 0) {
    const named = weak.map((rule) => `${rule} (${modes[rule] ?? 'unknown to it'})`)
    found.push({
      what: `Replica ${replica} of the guard does not enforce ${named.join(', ')}.`,
      why: 'Requests against these rules pass, with a warning at most.',
    })
  }
  if (evictionCompletion === 'allow') {
    found.push({
      what: `Replica ${replica} of the guard lets Longhorn end an eviction while its flag is up (evictionCompletion: allow).`,
      why: 'On 1.7.0 to 1.7.3, 1.8.0, 1.8.1 and 1.9.0 that crashes the manager of the node.',
    })
  }
  return found
}

function misjudging({ replica, release }: ReplicaPolicy, running: string | undefined) {
  // For a release without a readable name, the configured one is the best information.
  if (release === null || running === undefined || fixedRelease(running) === undefined) return []
  if (profileOf(release) === profileOf(running)) return []
  return [
    {
      what: `Replica ${replica} of the guard judges for Longhorn ${release} (longhornRelease), and ${running} runs.`,
      why: 'The two releases crash on different writes.',
    },
  ]
}

function textOf({ modes, evictionCompletion, release, lostAfterMs }: ReplicaPolicy): string {
  const sorted = Object.entries(modes).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([sorted, evictionCompletion, release, lostAfterMs])
}
