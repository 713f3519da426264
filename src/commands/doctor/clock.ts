import { Type } from 'typebox'
import { absent, parser } from '../../json/schema.ts'
import { age } from '../../time/age.ts'
import { reservedWords } from '../status/reserved.ts'
import type { Facts, LeaseTime, Looked, MeasuredClock } from './facts.ts'
import { type Finding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

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
interface Exchange {
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

/** The guard takes out what is settled with its next sweep; a minute later it has not. */
const graceMs = 60_000

/** Whether the book of reservations can be read, and is kept tidy. */
export function checkReservations({
  book,
  clock,
  now,
  names,
}: Pick<Facts, 'book' | 'clock' | 'now' | 'names'>): Finding[] {
  if ('problem' in book) {
    return [notKnown('reservations', `The Leases in ${names.namespace} could not be read.`, book.problem)]
  }
  const { pages, unreadable } = book.seen
  const at = serverTime(now, clock)
  const look = `kubectl -n ${names.namespace} get leases -l holdfast.dev/reservations=true -o yaml`
  const findings = unreadable.map((sentence) =>
    problem('error', 'reservations', {
      what: `${sentence}.`,
      why: 'A request that has to reserve on this Lease is denied with 503. Every eviction looks at unowned-disks.',
      remedy: `Look: ${look}`,
    }),
  )
  for (const { key, reservations } of pages) {
    for (const reservation of reservations) {
      const { kind, name, deadline, by } = reservation
      if (at - deadline < graceMs) continue
      const [reserved] = reservedWords(reservation)
      findings.push(
        problem('warn', 'reservations', {
          what: `The ${reserved} reserved on ${key} for ${kind} ${name} by ${by} is ${age(at - deadline)} past its deadline.`,
          why: 'It holds nothing back any more, but a guard that runs and can read and write takes it out by itself.',
          remedy: `See what hinders the guard: kubectl -n ${names.namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. Look: ${look}`,
        }),
      )
    }
  }
  const count = pages.reduce((total, { reservations }) => total + reservations.length, 0)
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
export function checkBook({ anchor, books, names }: Pick<Facts, 'anchor' | 'books' | 'names'>): Finding[] {
  const { namespace } = names
  const findings = [...checkAnchor({ anchor, names }), ...checkOthers({ books, names })]
  return findings.length > 0
    ? findings
    : [ok('book', `All Leases of the guard are in namespace ${namespace}.`)]
}

function checkAnchor({ anchor, names }: Pick<Facts, 'anchor' | 'names'>): Finding[] {
  const { namespace, longhornNamespace } = names
  const lease = `Lease holdfast-book in ${longhornNamespace}`
  if ('problem' in anchor) return [notKnown('book', `${lease} could not be read.`, anchor.problem)]
  if (anchor.seen === undefined) {
    return [
      problem('warn', 'book', {
        what: `There is no ${lease}.`,
        why: 'By it all guards and proxies of a cluster keep their Leases in one namespace. A guard makes it when it starts, if it has the right.',
        remedy: `Give the rights of the chart, and start the guard again: helm upgrade holdfast charts/holdfast --namespace ${namespace} --reset-then-reuse-values; kubectl -n ${namespace} rollout restart deployment -l ${guardSelector}`,
      }),
    ]
  }
  if (anchor.seen === namespace) return []
  return [
    problem('error', 'book', {
      what: `The Leases of the guard are in namespace ${anchor.seen}, not in ${namespace}: ${lease} says so.`,
      why: 'A guard with its Leases elsewhere does not start, or admits nothing that could raise danger.',
      remedy: `Look again: holdfast doctor --namespace ${anchor.seen}. If no guard and no proxy runs there any more: kubectl delete lease holdfast-book --namespace ${longhornNamespace}`,
    }),
  ]
}

function checkOthers({ books, names }: Pick<Facts, 'books' | 'names'>): Finding[] {
  if ('problem' in books)
    return [notKnown('book', 'Leases of a guard could not be looked for in all namespaces.', books.problem)]
  return books.seen
    .filter((namespace) => namespace !== names.namespace)
    .map((namespace) =>
      problem('warn', 'book', {
        what: `There are Leases of a guard in namespace ${namespace} too.`,
        why: 'If a guard or a proxy still writes there, it could admit an eviction and this one a clean-up that crash a manager together.',
        remedy: `Stop what writes there. If nothing does: kubectl delete leases --namespace ${namespace} --selector holdfast.dev/reservations=true`,
      }),
    )
}
