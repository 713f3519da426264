import { Type } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import { age } from '../terminal/age.ts'
import type { Facts, LeaseTime, Looked, MeasuredClock } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'

/** Reads when a Lease was written. */
export const parseLeaseTime = parser(
  Type.Object({
    metadata: Type.Object({ name: Type.String() }),
    spec: absent(Type.Object({ holderIdentity: absent(Type.String()), renewTime: absent(Type.String()) })),
  }),
  ({ metadata, spec }): LeaseTime => {
    const at = Date.parse(spec?.renewTime ?? '')
    return {
      name: metadata.name,
      holder: spec?.holderIdentity ?? '',
      renewedAt: Number.isNaN(at) ? undefined : at,
    }
  },
)

/** A request and its answer, for {@link measure}. */
export interface Exchange {
  readonly sentAt: number
  readonly receivedAt: number
  /** The Date header of the answer. */
  readonly date: string | undefined
}

/** Compares the clock of the API server with the one by which a request was sent and its answer came. */
export function measure({ sentAt, receivedAt, date }: Exchange): Looked<MeasuredClock> {
  const server = Date.parse(date ?? '')
  if (Number.isNaN(server)) return { problem: 'The answer of the API server has no readable Date header.' }
  // On average the second that the header shows is half over.
  const aheadMs = (sentAt + receivedAt) / 2 - (server + 500)
  return { seen: { aheadMs, uncertainMs: 500 + (receivedAt - sentAt) / 2 } }
}

/** A moment of this machine by the API server's clock; by this machine's own where that is not known. */
export function serverTime(now: number, clock: Looked<MeasuredClock>): number {
  return 'problem' in clock ? now : now - clock.seen.aheadMs
}

/** What ages and deadlines bear without harm. */
const tolerableMs = 2_000

/** A clock so far off makes records and certificates useless. */
const intolerableMs = 10_000

/** Whether the clocks of this machine, the API server and the replicas agree well enough. */
export function checkClock({ clock, leases, now }: Pick<Facts, 'clock' | 'leases' | 'now'>): Finding[] {
  if ('problem' in clock) {
    return [notKnown('clock', 'The clock of the API server could not be read.', clock.problem)]
  }
  const findings: Finding[] = []
  const { aheadMs, uncertainMs } = clock.seen
  const surely = Math.abs(aheadMs) - uncertainMs
  if (surely > tolerableMs) {
    findings.push(
      problem('warn', 'clock', {
        what: `The clock of this machine is ${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the API server.`,
        why: 'Ages are shown wrong here, and certificates made here may not be valid yet.',
        remedy: 'Look: timedatectl status',
      }),
    )
  }
  if ('problem' in leases) {
    findings.push(notKnown('clock', 'The clocks of the replicas could not be told.', leases.problem))
    return findings
  }
  const at = serverTime(now, clock)
  for (const { name, holder, renewedAt } of leases.seen) {
    const ahead = (renewedAt ?? -Infinity) - at - uncertainMs
    if (ahead <= tolerableMs) continue
    findings.push(
      problem(ahead > intolerableMs ? 'error' : 'warn', 'clock', {
        what: `Lease ${name} was written by ${holder} ${age(ahead)} in the future, by the clock of the API server.`,
        why: 'Each replica decides by a clock of its own that nobody sets, so that is safe; but its records show wrong times, and certificates that it makes may not be valid yet.',
        remedy: `Put the clock of its node right: kubectl get pods -A -o wide | grep ${holder}`,
      }),
    )
  }
  return findings.length > 0
    ? findings
    : [
        ok(
          'clock',
          'The clocks of this machine and the API server agree, and no Lease was written in the future.',
        ),
      ]
}
