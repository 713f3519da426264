import { guardSelector } from './component-label.ts'
import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'
import type { ReplicaPolicy } from './facts.ts'
import { day } from './pem.ts'

/** As long as an authority has that was forgotten: a person has to copy files to each API server. */
const soonMs = 30 * 86_400_000

/** Whether the guard asks who sends it reviews, and for how long the API servers' client certificate is good. */
export function checkCallers({ policies, names, now }: Pick<Facts, 'policies' | 'names' | 'now'>): Finding[] {
  if ('problem' in policies) {
    return [
      notKnown(
        'callers',
        'The replicas of the guard could not be asked whose reviews they take.',
        policies.problem,
      ),
    ]
  }
  const telling = policies.seen.filter(({ callers }) => callers !== undefined)
  const open = telling.filter(({ callers }) => callers === null)
  const asking = telling.filter(({ callers }) => callers !== null)
  if (asking.length === 0) {
    return [
      ok(
        'callers',
        'The guard takes reviews from whoever reaches its port: it asks for no client certificate.',
      ),
    ]
  }
  const findings: Finding[] = []
  if (open.length > 0) {
    findings.push(
      problem('warn', 'callers', {
        what: `Not every replica asks for a client certificate: ${open.map(({ replica }) => replica).join(', ')} does not.`,
        why: 'Whoever reaches the port of one that does not can send it reviews that no API server has made.',
        remedy: `kubectl -n ${names.namespace} rollout restart deployment -l ${guardSelector}`,
      }),
    )
  }
  // Two replicas say the same of one certificate.
  const said = new Map(
    asking.flatMap((each) => ofReplica(each, now)).map((finding) => [finding.what, finding]),
  )
  findings.push(...said.values())
  return findings.length > 0 ? findings : [ok('callers', allIsWell(asking, now))]
}

const renew =
  'On the machine with client-ca.key: holdfast certs --api-server --overwrite. Then copy client.crt and client.key to each API server'

function ofReplica({ replica, callers }: ReplicaPolicy, now: number): Finding[] {
  if (!callers) return []
  const { last, refused } = callers
  if (last === null) {
    if (refused === 0) return []
    return [
      problem('warn', 'callers', {
        what: `Replica ${replica} has turned ${refused} requests away, and has accepted no client certificate since its start.`,
        why: 'If these came from an API server, it cannot reach the guard: with failurePolicy Fail arming changes are refused, with Ignore nothing is judged.',
        remedy: `Its log says whose certificate was not accepted, and why. To give an API server one: holdfast certs --api-server`,
      }),
    ]
  }
  if (last.leftMs >= soonMs) return []
  return [
    problem(last.leftMs > 0 ? 'warn' : 'error', 'callers', {
      what: `The client certificate of ${last.name || 'the API server'} ${last.leftMs > 0 ? 'is good only until' : 'ended on'} ${day(now + last.leftMs)}.`,
      why: 'After that the guard turns the API server away: with failurePolicy Fail every eviction is refused, with Ignore nothing is judged.',
      remedy: renew,
    }),
  ]
}

function allIsWell(asking: readonly ReplicaPolicy[], now: number): string {
  const ends = asking.flatMap(({ callers }) => (callers?.last ? [now + callers.last.leftMs] : []))
  const until =
    ends.length === 0
      ? 'none was shown yet'
      : `the one of the API server is good until ${day(Math.min(...ends))}`
  return `The guard takes reviews only with a client certificate; ${until}.`
}
