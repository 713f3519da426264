import { group, kinds } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import type { Facts, Names, Right } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'

/** The kinds whose objects the guard also reads one by one, to confirm a decision. */
const judged: ReadonlySet<string> = new Set<JudgedKind>(['Node', 'BackingImage', 'BackingImageDataSource'])

/** The rights for every call of the guard, as it is installed. */
export function rightsOf(names: Names): readonly Right[] {
  const { namespace, longhornNamespace } = names
  const longhorn = Object.entries(kinds).flatMap(([kind, { plural }]) =>
    (judged.has(kind) ? ['get', 'list', 'watch'] : ['list', 'watch']).map((verb): Right => ({
      verb,
      group,
      resource: plural,
      namespace: longhornNamespace,
      name: '',
      purpose: 'disk map',
    })),
  )
  const leases = ['get', 'list', 'watch', 'create', 'update', 'delete'].map((verb): Right => ({
    verb,
    group: 'coordination.k8s.io',
    resource: 'leases',
    namespace,
    name: '',
    purpose: 'reservations',
  }))
  const coordination = { group: 'coordination.k8s.io', resource: 'leases', purpose: 'one book' } as const
  const book: readonly Right[] = [
    ...['get', 'list', 'watch'].map((verb) => ({
      ...coordination,
      verb,
      namespace: longhornNamespace,
      name: 'holdfast-book',
    })),
    { ...coordination, verb: 'create', namespace: longhornNamespace, name: '' },
    { ...coordination, verb: 'list', namespace: '', name: '' },
  ]
  const events = ['create', 'patch'].map((verb): Right => ({
    verb,
    group: '',
    resource: 'events',
    namespace: longhornNamespace,
    name: '',
    purpose: 'Events',
  }))
  const certificateVerbs = names.makesCertificate ? ['get', 'patch'] : []
  const certificates = certificateVerbs.flatMap((verb): Right[] => [
    {
      verb,
      group: '',
      resource: 'secrets',
      namespace,
      name: names.certificateSecret,
      purpose: 'certificates',
    },
    {
      verb,
      group: 'admissionregistration.k8s.io',
      resource: 'validatingwebhookconfigurations',
      namespace: '',
      name: names.webhookConfiguration,
      purpose: 'certificates',
    },
  ])
  return [...longhorn, ...leases, ...book, ...events, ...certificates]
}

/** The effect of a missing right. */
const without: Readonly<Record<Right['purpose'], readonly [level: 'warn' | 'error', why: string]>> = {
  'disk map': ['error', 'Without it the guard does not see the whole cluster, and denies dangerous writes.'],
  reservations: ['error', 'Without it the guard cannot reserve anything, and denies dangerous writes.'],
  'one book': [
    'warn',
    'Without it a guard or a proxy with its Leases in another namespace goes unnoticed, and could allow conflicting changes.',
  ],
  Events: ['warn', 'Without it no Event at an object shows what was held or denied.'],
  certificates: ['warn', 'Without it a guard that makes its own certificate cannot renew or publish it.'],
}

/** Whether the guard's service account has every right that the guard needs. */
export function checkRights({ rights, names }: Pick<Facts, 'rights' | 'names'>): DoctorFinding[] {
  const account = `system:serviceaccount:${names.namespace}:${names.serviceAccount}`
  const findings: DoctorFinding[] = []
  for (const [purpose, [level, why]] of Object.entries(without)) {
    const missing = rights.flatMap(({ right, allowed }) =>
      'seen' in allowed && !allowed.seen && right.purpose === purpose ? [right] : [],
    )
    const [first] = missing
    if (first === undefined) continue
    findings.push(
      problem(level, 'rights', {
        what: `${account} is not allowed to ${missing.map(sentence).join(', ')} (for ${purpose}).`,
        why,
        remedy: `Grant the rights of the chart: helm upgrade holdfast charts/holdfast --namespace ${names.namespace} --reset-then-reuse-values. Ask: ${canI(first, account)}`,
      }),
    )
  }
  const [unasked, ...others] = rights.flatMap(({ right, allowed }) =>
    'problem' in allowed ? [{ right, why: allowed.problem }] : [],
  )
  if (unasked !== undefined) {
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    findings.push(
      notKnown(
        'rights',
        `Whether ${account} is allowed to ${sentence(unasked.right)}${more} could not be asked.`,
        unasked.why,
        `Ask as a user who may create SubjectAccessReviews, or impersonate it: ${canI(unasked.right, account)}`,
      ),
    )
  }
  return findings.length > 0
    ? findings
    : [ok('rights', `${account} has all ${rights.length} rights that the guard needs.`)]
}

function sentence({ verb, group, resource, namespace, name }: Right): string {
  const what = `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : ` ${name}`}`
  return namespace === '' ? what : `${what} in ${namespace}`
}

function canI({ verb, group, resource, namespace, name }: Right, account: string): string {
  const of = `${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : `/${name}`}`
  return `kubectl auth can-i ${verb} ${of}${namespace === '' ? '' : ` --namespace ${namespace}`} --as ${account}`
}
