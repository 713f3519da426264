import type { Test } from 'tap'
import { askUntil } from '../ask-until.ts'
import type { RealCluster } from '../real-cluster.ts'

const name = 'validatingwebhookconfigurations.admissionregistration.k8s.io/holdfast'
const guard = 'system:serviceaccount:holdfast:holdfast'
const caBundle = Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64')

const changes: readonly (readonly [string, object])[] = [
  ['another Service', { path: '/webhooks/0/clientConfig/service/name', op: 'replace', value: 'elsewhere' }],
  ['another port', { path: '/webhooks/0/clientConfig/service/port', op: 'replace', value: 8444 }],
  ['other rules', { path: '/webhooks/0/rules/0/resources', op: 'replace', value: ['secrets'] }],
  ['another group', { path: '/webhooks/0/rules/0/apiGroups', op: 'replace', value: ['*'] }],
  ['every namespace', { path: '/webhooks/0/namespaceSelector', op: 'replace', value: {} }],
  ['some objects', { path: '/webhooks/0/objectSelector', op: 'add', value: { matchLabels: { a: 'b' } } }],
  ['no conditions', { path: '/webhooks/0/matchConditions', op: 'remove' }],
  ['another failurePolicy', { path: '/webhooks/0/failurePolicy', op: 'replace', value: 'Ignore' }],
  ['another time-out', { path: '/webhooks/0/timeoutSeconds', op: 'replace', value: 1 }],
  ['another matchPolicy', { path: '/webhooks/0/matchPolicy', op: 'replace', value: 'Exact' }],
  ['another name', { path: '/webhooks/0/name', op: 'replace', value: 'other.holdfast.dev' }],
  ['no webhook', { path: '/webhooks', op: 'replace', value: [] }],
  ['a label', { path: '/metadata/labels/a', op: 'add', value: 'b' }],
  ['an annotation', { path: '/metadata/annotations', op: 'add', value: { a: 'b' } }],
]

/** The guard publishes its authority in its own registration, and changes nothing else there. */
export function registrationPolicy(t: Test, cluster: RealCluster): void {
  const patch = (change: object, ...flags: readonly string[]) =>
    cluster.kubectl(['patch', name, '--type=json', '-p', JSON.stringify([change]), ...flags])
  const asGuard = ['--as', guard, '--dry-run=server']

  t.test('the guard’s account changes caBundle and nothing else', async (t) => {
    const [[, first]] = changes as [(typeof changes)[number]]
    // The API server takes a moment to learn of a policy.
    await askUntil(
      () => patch(first, ...asGuard),
      ({ code }) => code !== 0,
    )
    for (const [what, change] of changes) {
      const { code, stderr } = await patch(change, ...asGuard)
      t.equal(code, 1, what)
      t.match(stderr, /the guard may change caBundle in its registration, and/, what)
    }
    const bundle = { path: '/webhooks/0/clientConfig/caBundle', op: 'add', value: caBundle }
    t.match(await patch(bundle, ...asGuard), { code: 0 })
  })

  t.test('all other users change objects as their rights allow', async (t) => {
    for (const [what, change] of changes.filter(([what]) => what !== 'another group')) {
      const { code, stderr } = await patch(change, '--dry-run=server')
      t.equal(code, 0, `${what}: ${stderr}`)
    }
  })
  t.end()
}
