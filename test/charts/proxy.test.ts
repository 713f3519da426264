import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { root } from '../fixtures/root.ts'
import { helm, skip } from './helm.ts'

interface Peer {
  readonly podSelector?: { readonly matchLabels?: object; readonly matchExpressions?: readonly object[] }
}

/** The tested fields of a rendered object. */
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: object }
  readonly rules?: readonly { readonly resources: string[]; readonly resourceNames?: string[] }[]
  readonly spec?: {
    readonly type?: string
    readonly podSelector?: object
    readonly ingress?: readonly { readonly ports: readonly object[]; readonly from?: readonly Peer[] }[]
    readonly template?: {
      readonly spec: {
        readonly serviceAccountName: string
        readonly containers: readonly { readonly args: readonly string[] }[]
      }
    }
  }
}

function render(...settings: readonly string[]): Manifest[] {
  const flags = settings.flatMap((setting) => ['--set', setting])
  const args = ['template', 'holdfast', `${root}/charts/holdfast`, '--namespace', 'holdfast', ...flags]
  const { ok, stdout, stderr } = helm(...args, '--kube-version', '1.36.0')
  if (!ok) throw new Error(stderr)
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

function find(all: readonly Manifest[], kind: string, name: string): Manifest | undefined {
  return all.find((each) => each.kind === kind && each.metadata.name === name)
}

function argsOf(manifest: Manifest | undefined): readonly string[] {
  return manifest?.spec?.template?.spec.containers[0]?.args ?? []
}

t.test('the chart makes no proxy by default', { skip }, (t) => {
  const names = render().map(({ kind, metadata: { name } }) => `${kind}/${name}`)
  t.notMatch(names.join('\n'), /proxy|-longhorn|-kubernetes|-backend|point-ui/)
  t.end()
})

t.test('a proxy before Longhorn’s REST API asks Longhorn’s own Service, as one address', { skip }, (t) => {
  const all = render('proxy.longhorn.enabled=true')
  const args = argsOf(find(all, 'Deployment', 'holdfast-longhorn'))
  t.strictSame(args.slice(0, 2), ['proxy', 'longhorn'])
  t.ok(args.includes('--upstream=http://longhorn-backend.longhorn-system:9500'))
  t.equal(find(all, 'Service', 'holdfast-longhorn')?.spec?.type, 'ClusterIP')
  t.end()
})

t.test('Longhorn’s UI is pointed at it, and back before it goes', { skip }, (t) => {
  const plain = render('proxy.longhorn.enabled=true')
  const there = find(plain, 'Job', 'holdfast-point-ui')
  t.match(there?.metadata.annotations, { 'helm.sh/hook': 'post-install,post-upgrade' })
  t.equal(argsOf(there)[2], 'http://holdfast-longhorn.holdfast:9500')
  const back = find(plain, 'Job', 'holdfast-ui-back')
  t.match(back?.metadata.annotations, { 'helm.sh/hook': 'pre-delete' })
  t.equal(argsOf(back)[2], 'http://longhorn-backend.longhorn-system:9500')
  t.ok(argsOf(find(plain, 'Job', 'holdfast-point-ui')).includes('--wait=2m'))
  t.ok(argsOf(back).includes('--if-there'))
  t.ok(
    argsOf(back).includes('--from=http://holdfast-longhorn.holdfast:9500'),
    'the hook turns the UI back from this proxy only',
  )
  t.match(find(plain, 'Role', 'holdfast-point-ui')?.rules, [
    { resources: ['deployments'], resourceNames: ['longhorn-ui'] },
  ])
  const tls = ['proxy.longhorn.tls.enabled=true', 'proxy.longhorn.tls.secretName=mine']
  const over = find(render('proxy.longhorn.enabled=true', ...tls), 'Job', 'holdfast-point-ui')
  t.equal(argsOf(over)[2], 'https://holdfast-longhorn.holdfast:9500')
  const not = render('proxy.longhorn.enabled=true', 'proxy.longhorn.ui.point=false')
  t.notOk(not.some(({ metadata: { name } }) => name.includes('point-ui')))
  t.end()
})

t.test(
  'no client reaches Longhorn’s REST API past the proxy; its webhooks stay open to all',
  { skip },
  (t) => {
    const policy = find(render('proxy.longhorn.enabled=true'), 'NetworkPolicy', 'holdfast-backend')
    t.equal(policy?.metadata.namespace, 'longhorn-system')
    t.strictSame(policy?.spec?.podSelector, { matchLabels: { app: 'longhorn-manager' } })
    const [others, rest] = policy?.spec?.ingress ?? []
    t.strictSame(others, {
      ports: [
        { port: 1, endPort: 9499, protocol: 'TCP' },
        { port: 9501, endPort: 65_535, protocol: 'TCP' },
        { port: 1, endPort: 65_535, protocol: 'UDP' },
      ],
    })
    t.strictSame(rest?.ports, [{ port: 9500, protocol: 'TCP' }])
    t.match(rest?.from?.[0]?.podSelector?.matchLabels, { 'app.kubernetes.io/component': 'proxy-longhorn' })
    t.strictSame(rest?.from?.[1]?.podSelector?.matchExpressions, [
      { key: 'app', operator: 'NotIn', values: ['longhorn-ui'] },
    ])
    t.equal(rest?.from?.length, 2)
    const open = render('proxy.longhorn.enabled=true', 'proxy.longhorn.backendPolicy.mode=none')
    t.notOk(find(open, 'NetworkPolicy', 'holdfast-backend'))
    t.end()
  },
)

t.test('if Longhorn has policies of its own, the proxy is admitted, and no other client', { skip }, (t) => {
  const all = render('proxy.longhorn.enabled=true', 'proxy.longhorn.backendPolicy.mode=allow')
  const ingress = find(all, 'NetworkPolicy', 'holdfast-backend')?.spec?.ingress ?? []
  t.strictSame(
    ingress.map(({ ports }) => ports),
    [[{ port: 9500, protocol: 'TCP' }]],
  )
  const [from, ...others] = ingress[0]?.from ?? []
  t.match(from?.podSelector?.matchLabels, { 'app.kubernetes.io/component': 'proxy-longhorn' })
  t.strictSame(others, [])
  t.end()
})

t.test('a port that is taken within the pod is refused', { skip }, (t) => {
  for (const port of [8080, 8081]) {
    t.throws(() => render('proxy.longhorn.enabled=true', `proxy.longhorn.port=${port}`), /choose another/)
  }
  t.end()
})

t.test('existing rights and accounts are not created', { skip }, (t) => {
  const accounts = ['proxy.serviceAccount.name=doors', 'proxy.longhorn.ui.serviceAccount.name=hooks']
  const none = ['rbac.create=false', 'serviceAccount.create=false']
  const made = render('proxy.longhorn.enabled=true', ...none, ...accounts)
  t.notOk(made.some(({ kind }) => /^(Cluster)?Role|^ServiceAccount$/.test(kind)))
  t.end()
})

t.test('a proxy has no right to the guard’s certificate and registration', { skip }, (t) => {
  const all = render('proxy.longhorn.enabled=true')
  t.equal(
    find(all, 'Deployment', 'holdfast-longhorn')?.spec?.template?.spec.serviceAccountName,
    'holdfast-proxy',
  )
  const [role, ...others] = all.filter(
    ({ kind, metadata: { name } }) => kind.endsWith('Role') && name === 'holdfast-proxy',
  )
  t.strictSame(others, [])
  t.strictSame(
    role?.rules?.flatMap(({ resources }) => resources),
    ['leases'],
  )
  t.end()
})

t.test('before the Kubernetes API every user acts with their own rights, over TLS', { skip }, (t) => {
  t.throws(() => render('proxy.kubernetes.enabled=true'), /name the Secret that holds tls.crt and tls.key/)
  const all = render('proxy.kubernetes.enabled=true', 'proxy.kubernetes.tls.secretName=mine')
  const args = argsOf(find(all, 'Deployment', 'holdfast-kubernetes'))
  t.ok(args.includes('--caller-token'))
  t.ok(args.includes('--tls'))
  t.notOk(find(all, 'NetworkPolicy', 'holdfast-backend'))
  const made = render('proxy.kubernetes.enabled=true', 'certificates.mode=cert-manager')
  t.ok(find(made, 'Certificate', 'holdfast-kubernetes'))
  t.end()
})
