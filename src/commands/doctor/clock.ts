import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import { age } from '../../time/age.ts'
import { reservedWords } from '../status/reserved.ts'
import type { Facts, LeaseTime, Probe, MeasuredClock } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

/** Reads the time at which a Lease was written. */
export const parseLeaseTime = parser(
  Type.Object({
    metadata: Type.Object({ name: Type.String() }),
    spec: optional(
      Type.Object({ holderIdentity: optional(Type.String()), renewTime: optional(Type.String()) }),
    ),
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
interface Exchange {
  readonly sentAt: number
  readonly receivedAt: number
  /** The Date header of the answer. */
  readonly date: string | undefined
}

/** Compares the clock of the API server with the clock of this machine, by one request. */
export function measure({ sentAt, receivedAt, date }: Exchange): Probe<MeasuredClock> {
  const server = Date.parse(date ?? '')
  if (Number.isNaN(server)) return { problem: 'The answer of the API server has no readable Date header.' }
  // On average the second in the header is half over.
  const aheadMs = (sentAt + receivedAt) / 2 - (server + 500)
  return { seen: { aheadMs, uncertainMs: 500 + (receivedAt - sentAt) / 2 } }
}

/** A moment of this machine by the API server's clock, or by its own if that is not known. */
export function serverTime(now: number, clock: Probe<MeasuredClock>): number {
  return 'problem' in clock ? now : now - clock.seen.aheadMs
}

/** An offset that ages and deadlines tolerate. */
const tolerableMs = 2_000

/** An offset that makes records and certificates useless. */
const intolerableMs = 10_000

/** Whether the clocks of this machine, the API server and the replicas agree well enough. */
export function checkClock({ clock, leases, now }: Pick<Facts, 'clock' | 'leases' | 'now'>): DoctorFinding[] {
  if ('problem' in clock) {
    return [notKnown('clock', 'The clock of the API server could not be read.', clock.problem)]
  }
  const findings: DoctorFinding[] = []
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
    findings.push(notKnown('clock', 'The clocks of the replicas could not be read.', leases.problem))
    return findings
  }
  const at = serverTime(now, clock)
  for (const { name, holder, renewedAt } of leases.seen) {
    const ahead = (renewedAt ?? -Infinity) - at - uncertainMs
    if (ahead <= tolerableMs) continue
    findings.push(
      problem(ahead > intolerableMs ? 'error' : 'warn', 'clock', {
        what: `Lease ${name} was written by ${holder} ${age(ahead)} in the future, by the clock of the API server.`,
        why: 'That is safe, since decisions do not use this clock. But the records of this replica show wrong times, and certificates that it makes may not be valid yet.',
        remedy: `Correct the clock of its node: kubectl get pods -A -o wide | grep ${holder}`,
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

/**
 * The guard removes settled reservations with its next sweep. If one is a minute old, the guard has not done
 * so.
 */
const graceMs = 60_000

/** Whether the book of reservations is readable and tidy. */
export function checkReservations({
  book,
  clock,
  now,
  names,
}: Pick<Facts, 'book' | 'clock' | 'now' | 'names'>): DoctorFinding[] {
  if ('problem' in book) {
    return [notKnown('reservations', `The Leases in ${names.namespace} could not be read.`, book.problem)]
  }
  const { entries, unreadable } = book.seen
  const at = serverTime(now, clock)
  const look = `kubectl -n ${names.namespace} get leases -l holdfast.dev/reservations=true -o yaml`
  const findings = unreadable.map((sentence) =>
    problem('error', 'reservations', {
      what: `${sentence}.`,
      why: 'A request that has to reserve on this Lease is denied with 503. Every eviction looks at unowned-disks.',
      remedy: `Look: ${look}`,
    }),
  )
  for (const { key, reservations } of entries) {
    for (const reservation of reservations) {
      const { kind, name, deadline, by } = reservation
      if (at - deadline < graceMs) continue
      const [reserved] = reservedWords(reservation)
      findings.push(
        problem('warn', 'reservations', {
          what: `The ${reserved} reserved on ${key} for ${kind} ${name} by ${by} is ${age(at - deadline)} past its deadline.`,
          why: 'It no longer blocks anything, but a healthy guard would have removed it.',
          remedy: `To see what prevents that: kubectl -n ${names.namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. Look: ${look}`,
        }),
      )
    }
  }
  const count = entries.reduce((total, { reservations }) => total + reservations.length, 0)
  return findings.length > 0
    ? findings
    : [
        ok(
          'reservations',
          `${count} ${count === 1 ? 'reservation' : 'reservations'}, none past its deadline.`,
        ),
      ]
}

/** Whether all doors of the cluster keep their Leases in one namespace. */
export function checkBook({
  anchor,
  books,
  names,
}: Pick<Facts, 'anchor' | 'books' | 'names'>): DoctorFinding[] {
  const { namespace } = names
  const findings = [...checkAnchor({ anchor, names }), ...checkOthers({ books, names })]
  return findings.length > 0
    ? findings
    : [ok('book', `All Leases of the guard are in namespace ${namespace}.`)]
}

function checkAnchor({ anchor, names }: Pick<Facts, 'anchor' | 'names'>): DoctorFinding[] {
  const { namespace, longhornNamespace } = names
  const lease = `Lease holdfast-book in ${longhornNamespace}`
  if ('problem' in anchor) return [notKnown('book', `${lease} could not be read.`, anchor.problem)]
  if (anchor.seen === undefined) {
    return [
      problem('warn', 'book', {
        what: `There is no ${lease}.`,
        why: 'It names the one namespace in which all guards and proxies keep their Leases. A guard creates it when it starts, if it has the right.',
        remedy: `Grant the rights of the chart, and restart the guard: helm upgrade holdfast charts/holdfast --namespace ${namespace} --reset-then-reuse-values; kubectl -n ${namespace} rollout restart deployment -l ${guardSelector}`,
      }),
    ]
  }
  if (anchor.seen === namespace) return []
  return [
    problem('error', 'book', {
      what: `The Leases of the guard are in namespace ${anchor.seen}, not in ${namespace}: ${lease} says so.`,
      why: 'A guard with its Leases elsewhere does not start, or denies dangerous writes.',
      remedy: `Check that namespace: holdfast doctor --namespace ${anchor.seen}. If no guard and no proxy runs there any more: kubectl delete lease holdfast-book --namespace ${longhornNamespace}`,
    }),
  ]
}

function checkOthers({ books, names }: Pick<Facts, 'books' | 'names'>): DoctorFinding[] {
  if ('problem' in books)
    return [
      notKnown('book', 'Holdfast could not look for Leases of a guard in all namespaces.', books.problem),
    ]
  return books.seen
    .filter((namespace) => namespace !== names.namespace)
    .map((namespace) =>
      problem('warn', 'book', {
        what: `There are Leases of a guard in namespace ${namespace} too.`,
        why: 'If a guard or a proxy still writes there, it could admit an eviction and this one a clean-up that crash a manager together.',
        remedy: `Stop that guard or proxy. If none writes there: kubectl delete leases --namespace ${namespace} --selector holdfast.dev/reservations=true`,
      }),
    )
}
