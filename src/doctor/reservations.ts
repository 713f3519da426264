import { age } from '../terminal/age.ts'
import { serverTime } from './clock.ts'
import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'

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
      why: 'Nothing that could raise danger is admitted on that node.',
      remedy: `Look: ${look}`,
    }),
  )
  for (const { key, reservations } of pages) {
    for (const { kind, name, intent, deadline, by } of reservations) {
      if (at - deadline < graceMs) continue
      findings.push(
        problem('warn', 'reservations', {
          what: `The ${intent} reserved on ${key} for ${kind} ${name} by ${by} is ${age(at - deadline)} past its deadline.`,
          why: 'It holds nothing back any more, but a guard that runs and can read and write takes it out by itself.',
          remedy: `See what hinders the guard: kubectl -n ${names.namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. Look: ${look}`,
        }),
      )
    }
  }
  const count = pages.reduce((total, { reservations }) => total + reservations.length, 0)
  return findings.length > 0
    ? findings
    : [ok('reservations', `${count} reservations, none past its deadline.`)]
}
