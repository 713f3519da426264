import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { parseRegistration } from '../../src/commands/doctor/facts.ts'
import { checkRegistration } from '../../src/commands/doctor/registration.ts'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { notLeaving, registration } from '../../src/doors/webhook/registration.ts'
import { names } from '../commands/doctor/facts.ts'
import { root } from '../fixtures/root.ts'
import { helm as runHelm, skip } from './helm.ts'

const chart = `${root}/charts/holdfast`

/** The tested fields of a rendered object. */
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec?: { readonly minReadySeconds?: number }
  readonly data?: Readonly<Record<string, string>>
  readonly rules?: readonly { resources: string[]; resourceNames?: string[]; verbs: string[] }[]
  readonly webhooks?: readonly {
    name: string
    rules: { operations: string[]; resources: string[] }[]
    failurePolicy: string
    timeoutSeconds: number
    namespaceSelector: { matchExpressions: { operator: string; values: string[] }[] }
    matchConditions: { name: string; expression: string }[]
  }[]
}

function helm(...args: string[]) {
  return runHelm(...args, '--kube-version', '1.36.0')
}

function render(...settings: string[]): Manifest[] {
  const { ok, stdout, stderr } = helm('template', 'holdfast', chart, '--namespace', 'holdfast', ...settings)
  if (!ok) throw new Error(stderr)
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

const files = ['--set', 'certificates.mode=files', '--set', 'certificates.files.secretName=mine']
const everything = [
  'serviceMonitor.enabled=true',
  'prometheusRule.enabled=true',
  'dashboard.enabled=true',
  'backstop.enabled=true',
  'certificates.mode=cert-manager',
].flatMap((setting) => ['--set', setting])

t.test('the chart is well-formed, by default and with everything on', { skip }, (t) => {
  for (const settings of [[], files, everything]) {
    const { ok, stdout } = helm('lint', '--strict', chart, ...settings)
    t.ok(ok, stdout)
    t.ok(render(...settings).length > 10, settings.join(' ') || 'by default')
  }
  t.end()
})

const proxies = [
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'certificates.mode=cert-manager',
].flatMap((setting) => ['--set', setting])

t.test('in a rollout an old replica leaves once a new one knows the ended changes', { skip }, (t) => {
  const cases = [
    [[], 15],
    [['--set', 'config.settle=0s'], 0],
    [['--set', 'config.settle=500ms'], 6],
    [['--set', 'config.settle=1m30s'], 95],
    [['--set', 'config.settle=1h'], 300],
  ] as const
  for (const [settings, seconds] of cases) {
    const deployments = render(...proxies, ...settings).filter(({ kind }) => kind === 'Deployment')
    t.strictSame(
      deployments.map(({ spec }) => spec?.minReadySeconds),
      [seconds, seconds, seconds],
      settings.join(' '),
    )
  }
  t.end()
})

t.test('it refuses to be installed where Longhorn runs', { skip }, (t) => {
  const { ok, stderr } = helm('template', 'holdfast', chart, '--namespace', 'longhorn-system')
  t.notOk(ok)
  t.match(stderr, "must not run in Longhorn's namespace")
  t.end()
})

t.test('the guard takes the configuration that it is given', { skip }, (t) => {
  const rules = ['--set', 'config.rules.below-min-copies=off', '--set-json', 'config.rules.copy-in-use=false']
  const bare = ['--set-json', 'config.mode=false', '--set-json', 'config.auditLog=true']
  const configMap = render(...files, ...rules, ...bare, '--set', 'config.hold=5s').find(
    ({ kind }) => kind === 'ConfigMap',
  )
  t.match(layerFromFile(configMap?.data?.['holdfast.yaml'] ?? '?', 'holdfast.yaml'), {
    ok: true,
    settings: {
      longhornNamespace: 'longhorn-system',
      hold: '5s',
      mode: 'off',
      auditLog: 'on',
      rules: { 'below-min-copies': 'off', 'copy-in-use': 'off' },
    },
  })
  t.end()
})

t.test('it registers for the judged resources, and for main resources only', { skip }, (t) => {
  const [webhook] = render().flatMap(({ webhooks }) => webhooks ?? [])
  const [ours] = registration({
    url: 'https://guard/validate',
    authorityCert: '',
    timeoutSeconds: 10,
  }).webhooks
  t.equal(webhook?.name, ours?.name)
  const registered = webhook?.rules.flatMap(({ resources }) => resources)
  t.strictSame(registered, ours?.rules[0]?.resources)
  const expressions = webhook?.matchConditions.map(({ expression }) => expression) ?? []
  t.equal(expressions.length, 4)
  const words = (text = '') => text.replaceAll(/\s+/g, ' ').replaceAll(/(?<=\[) | (?=\])/g, '')
  for (const { name, expression } of notLeaving) {
    const same = webhook?.matchConditions.find((condition) => condition.name === name)
    t.equal(words(same?.expression), expression, `${name} is the same as without the chart`)
  }
  t.notMatch(expressions.join('\n'), /^\s*\/\//m, 'the rendered conditions have no comments')
  t.end()
})

t.test('the uninstaller of Longhorn asks a guard that is there, and waits for none', { skip }, (t) => {
  const webhooks = render('--set', 'webhook.timeoutSeconds=3').flatMap(({ webhooks: all }) => all ?? [])
  t.match(webhooks, [
    { name: 'guard.holdfast.dev', failurePolicy: 'Fail' },
    {
      name: 'uninstall.holdfast.dev',
      failurePolicy: 'Ignore',
      timeoutSeconds: 3,
      rules: [{ operations: ['DELETE'], resources: ['nodes'] }],
      namespaceSelector: { matchExpressions: [{ operator: 'In', values: ['longhorn-system'] }] },
    },
  ])
  const [mark, asked] = webhooks.map(({ matchConditions }) =>
    matchConditions.find(({ name }) => name.endsWith('being-uninstalled')),
  )
  const words = (text = '') => text.replaceAll(/\s+/g, ' ')
  t.match(words(mark?.expression), /^request\.operation != 'DELETE' \|\|/, 'the mark only excuses a deletion')
  t.equal(words(asked?.expression), `!( ${words(mark?.expression)} )`)
  t.end()
})

t.test('doctor finds nothing to say of the registration', { skip }, (t) => {
  const made = render().find(({ kind }) => kind === 'ValidatingWebhookConfiguration')
  const seen = parseRegistration(made)
  if (!seen.ok) throw new Error(seen.problem)
  const findings = checkRegistration({ registration: { seen: seen.value }, names })
  t.match(findings, [{ level: 'ok' }])
  t.equal(findings.length, 1)
  t.end()
})

t.test(
  'it may read the Lease that names the namespace of all Leases, and list those of others',
  { skip },
  (t) => {
    const rules = (kind: string, namespace?: string) =>
      render()
        .filter((made) => made.kind === kind && made.metadata.namespace === namespace)
        .flatMap((made) => made.rules ?? [])
        .filter(({ resources }) => resources.join() === 'leases')
    t.match(rules('Role', 'longhorn-system'), [
      { resourceNames: ['holdfast-book'], verbs: ['get', 'list', 'watch'] },
      { verbs: ['create'] },
    ])
    t.match(rules('ClusterRole'), [{ verbs: ['list'] }])
    t.end()
  },
)

t.test('the guard may write nothing of Longhorn, and elsewhere only its own objects', { skip }, (t) => {
  for (const { kind, metadata, rules = [] } of render()) {
    for (const { resources, resourceNames, verbs } of rules.filter(() => kind.endsWith('Role'))) {
      const writes = verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb))
      const mayWrite = resourceNames !== undefined || ['leases', 'events'].includes(resources.join())
      t.ok(
        writes.length === 0 || mayWrite,
        `${kind} ${metadata.namespace ?? ''}: ${verbs.join()} of ${resources.join()}`,
      )
      if (metadata.namespace !== 'longhorn-system' || resources.join() === 'events') continue
      // The Lease that says where all Leases are is made by the first guard; Longhorn's own it can only add to.
      t.strictSame(writes, resources.join() === 'leases' && resourceNames === undefined ? ['create'] : [])
    }
  }
  t.end()
})

t.test(
  'where client certificates are asked for, the guard reads the authorities from the ConfigMap',
  { skip },
  (t) => {
    const asked = ['configMap=authorities', 'key=root.pem', 'names={kube-apiserver,front}']
    const flags = asked.flatMap((setting) => ['--set', `webhook.clientCertificates.${setting}`])
    const made = render(...files, ...flags, '--set', 'proxy.longhorn.enabled=true')
    const configMap = made.find(({ kind }) => kind === 'ConfigMap')
    t.match(layerFromFile(configMap?.data?.['holdfast.yaml'] ?? '?', 'holdfast.yaml'), {
      ok: true,
      settings: {
        clientCa: '/etc/holdfast/client-ca/ca.crt',
        clientNames: ['kube-apiserver', 'front'],
        tlsCert: '/etc/holdfast/tls/tls.crt',
      },
    })
    const mounting = made.filter((each) =>
      JSON.stringify(each).includes('"mountPath":"/etc/holdfast/client-ca"'),
    )
    t.strictSame(
      mounting.map(({ kind, metadata }) => [kind, metadata.name]),
      [['Deployment', 'holdfast']],
    )
    const volume = { configMap: { name: 'authorities', items: [{ key: 'root.pem', path: 'ca.crt' }] } }
    t.match(JSON.stringify(mounting), JSON.stringify(volume).slice(1, -1))
    t.notMatch(
      JSON.stringify(render(...files)),
      /client-ca|clientCa/,
      'by default the guard asks for no client certificate',
    )
    t.end()
  },
)

t.test('names without authorities are an error: the guard would ask for no certificate', { skip }, (t) => {
  const names = ['--set', 'webhook.clientCertificates.names={kube-apiserver}']
  const { ok, stderr } = helm('template', 'holdfast', chart, '--namespace', 'holdfast', ...names)
  t.notOk(ok)
  t.match(stderr, 'names has no effect without webhook.clientCertificates.configMap')
  t.end()
})
