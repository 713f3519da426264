import t from 'tap'
import { skip } from './helm.ts'
import { render, set, type Manifest } from './rendered.ts'

const served = ['--api-versions', 'v1/Pod']
const withPolicies = [
  ...served,
  '--api-versions',
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy',
]

function policies(...flags: readonly string[]): Manifest[] {
  return render(...flags).filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))
}

t.test('the guard’s account may change caBundle alone, where policies are served', { skip }, (t) => {
  const cases: readonly (readonly [string, readonly string[], boolean])[] = [
    ['a cluster that serves them', withPolicies, true],
    ['a cluster that does not', served, false],
    ['rendered without a cluster, for 1.30', ['--kube-version', '1.30.0'], true],
    ['rendered without a cluster, for 1.29', ['--kube-version', '1.29.0'], false],
    ['turned off', set('registrationPolicy.enabled=false'), false],
    ['cert-manager publishes the authority', set('certificates.mode=cert-manager'), false],
  ]
  for (const [what, flags, made] of cases) {
    t.strictSame(
      policies(...flags).map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      made
        ? [
            'ValidatingAdmissionPolicy holdfast-registration',
            'ValidatingAdmissionPolicyBinding holdfast-registration',
          ]
        : [],
      what,
    )
  }
  t.end()
})

t.test('it is the account that the guard has, and it is refused', { skip }, (t) => {
  const named = set('serviceAccount.create=false', 'serviceAccount.name=mine')
  const [policy, binding] = policies(...named)
  t.match(policy?.spec?.matchConditions?.[0]?.expression, '"system:serviceaccount:holdfast:mine"')
  t.match(binding?.spec, { policyName: 'holdfast-registration', validationActions: ['Deny'] })
  t.end()
})
