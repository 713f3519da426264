import t from 'tap'
import { skip } from './helm.ts'
import { render, set } from './rendered.ts'

const served = [
  ...['--api-versions', 'v1/Pod'],
  ...['--api-versions', 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy'],
]

/** The kinds of objects with rights to nodes beyond reading, and the setting of the guard. */
function rescueOf(...flags: readonly string[]) {
  const all = render(...flags)
  const roles = all.filter(
    ({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'longhorn-system',
  )
  const verbs = roles.flatMap(({ rules = [] }) =>
    rules.filter(({ resources }) => resources.includes('nodes')).flatMap((rule) => rule.verbs),
  )
  const config = all.find(({ kind }) => kind === 'ConfigMap')?.data?.['holdfast.yaml'] ?? ''
  const policies = all.filter(({ metadata }) => metadata.name === 'holdfast-rescue').map(({ kind }) => kind)
  return { verbs, isOn: /^rescue: "on"$/m.test(config), policies }
}

t.test(
  'the guard may patch nodes only if it is to rescue them, and then no more than flags',
  { skip },
  (t) => {
    const reading = ['get', 'list', 'watch']
    t.strictSame(rescueOf(...served), { verbs: reading, isOn: false, policies: [] })
    t.strictSame(rescueOf(...served, ...set('rescue.enabled=true')), {
      verbs: [...reading, 'patch'],
      isOn: true,
      policies: ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
    })
    const bare = ['--api-versions', 'v1/Pod', ...set('rescue.enabled=true')]
    t.strictSame(rescueOf(...bare).policies, [], 'an older cluster serves no policies')
    t.strictSame(
      rescueOf(...served, ...set('rescue.enabled=true', 'rescue.policy.enabled=false')).policies,
      [],
    )
    t.end()
  },
)
