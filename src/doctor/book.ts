import { guardSelector } from './component-label.ts'
import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'

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
