import t from 'tap'
import { parse } from 'yaml'
import { skip } from './helm.ts'
import { podOf, rendered } from './manifest.ts'
import { everything, find, json, judging } from './usual.ts'
import { set } from './rendered.ts'

t.test('labels and annotations for all are on every object and every pod', { skip }, (t) => {
  const flags = json({
    commonLabels: { team: 'storage', 'app.kubernetes.io/part-of': 'platform', grafana_dashboard: '2' },
    commonAnnotations: { owner: 'me' },
    deploymentAnnotations: { 'reloader.example/auto': 'true' },
    'webhook.annotations': { 'argocd.argoproj.io/sync-wave': '1' },
    'serviceMonitor.annotations': { own: 'yes' },
  })
  const { all } = rendered([...everything, ...flags])
  for (const made of all) {
    const marks = [made.metadata, ...(made.spec?.template ? [made.spec.template.metadata] : [])]
    for (const { labels } of marks) t.equal(labels?.team, 'storage', `${made.kind} ${made.metadata.name}`)
    t.equal(made.metadata.annotations?.owner, 'me', `${made.kind} ${made.metadata.name}`)
  }
  t.equal(find(all, 'ConfigMap', 'holdfast-dashboard')?.metadata.labels?.grafana_dashboard, '1')
  t.match(find(all, 'Job', 'holdfast-ui-back')?.metadata.annotations, { 'helm.sh/hook': 'pre-delete' })
  t.match(find(all, 'Deployment')?.metadata.annotations, { 'reloader.example/auto': 'true' })
  t.match(find(all, 'ServiceMonitor')?.metadata.annotations, { own: 'yes', owner: 'me' })
  t.match(find(all, 'ValidatingWebhookConfiguration')?.metadata.annotations, {
    'argocd.argoproj.io/sync-wave': '1',
    'cert-manager.io/inject-ca-from': 'holdfast/holdfast',
  })
  // A hook is what Helm neither upgrades nor uninstalls, and what the chart selects by is the chart's.
  const taken = [
    { commonAnnotations: { 'helm.sh/hook': 'x' } },
    { commonLabels: { 'holdfast.dev/component': 'x' } },
  ]
  for (const values of taken) t.throws(() => rendered(json(values)), /invalid propertyName/)
  t.end()
})

t.test('pods start on Linux nodes alone, whatever other labels their nodes need', { skip }, (t) => {
  const { all } = rendered([...everything, '--set', 'nodeSelector.disk=ssd'])
  const pods = all.flatMap((made) => podOf(made) ?? [])
  t.equal(pods.length, 6)
  for (const { nodeSelector } of pods)
    t.strictSame({ ...nodeSelector }, { disk: 'ssd', 'kubernetes.io/os': 'linux' })
  t.end()
})

t.test('a pod accepts the usual options: flags, variables, volumes, affinity, probes', { skip }, (t) => {
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { a: 1 } } }
  const flags = json({
    affinity,
    dnsConfig: { nameservers: ['10.0.0.10'] },
    extraArgs: ['--log-level=debug'],
    'proxy.longhorn.extraArgs': ['--hold=1s'],
    extraEnv: [{ name: 'TZ', value: 'UTC' }],
    extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
    extraVolumeMounts: [{ name: 'ca', mountPath: '/ca', readOnly: true }],
    extraInitContainers: [{ name: 'first', image: 'a' }],
    extraContainers: [{ name: 'shipper', image: 'b' }],
    'probes.readiness.periodSeconds': 7,
    revisionHistoryLimit: 1,
    strategy: { type: 'Recreate' },
  })
  const { all } = rendered([...everything, ...flags, '--set', 'runtimeClassName=gvisor,dnsPolicy=Default'])
  for (const pod of judging(all)) {
    t.match(pod, { affinity, runtimeClassName: 'gvisor', dnsPolicy: 'Default', dnsConfig: {} })
    t.match(pod.volumes?.[0], { name: 'ca', configMap: { name: 'ca' } })
    t.match(pod.initContainers, [{ name: 'first' }])
    t.match(pod.containers[1], { name: 'shipper', image: 'b' })
    const [container] = pod.containers
    t.match(container?.env?.at(-1), { name: 'TZ', value: 'UTC' })
    t.match(container?.volumeMounts?.[0], { mountPath: '/ca' })
    t.match(container?.readinessProbe, { periodSeconds: 7, timeoutSeconds: 3, httpGet: { path: '/readyz' } })
  }
  t.match(find(all, 'Deployment')?.spec, { revisionHistoryLimit: 1, strategy: { type: 'Recreate' } })
  const args = (name: string) =>
    podOf(find(all, 'Deployment', name) ?? { kind: '', metadata: { name } })?.containers[0]?.args
  t.equal(args('holdfast')?.at(-1), '--log-level=debug')
  t.equal(args('holdfast-longhorn')?.at(-1), '--hold=1s')
  t.notMatch(args('holdfast-kubernetes'), ['--hold=1s'])
  t.throws(() => rendered(json({ extraVolumeMounts: [{ name: 'a', mountpath: '/a' }] })), /extraVolumeMounts/)
  t.end()
})

t.test('objects of the operator are made too, with templates in them filled in', { skip }, (t) => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-a' } }
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include "holdfast.fullname" . }}-b\n'
  const { all } = rendered(json({ extraObjects: [object, text] }))
  t.ok(find(all, 'ConfigMap', 'holdfast-a'))
  t.ok(find(all, 'ConfigMap', 'holdfast-b'))
  t.end()
})

t.test('the ServiceMonitor takes relabelings and its own patience', { skip }, (t) => {
  const relabelings = [{ sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'node' }]
  const metricRelabelings = [{ sourceLabels: ['__name__'], regex: 'nodejs_.*', action: 'drop' }]
  const own = { scrapeTimeout: '5s', relabelings, metricRelabelings }
  const elsewhere = rendered(set('serviceMonitor.enabled=true', 'serviceMonitor.namespace=monitoring')).all
  t.match(find(elsewhere, 'ServiceMonitor'), {
    metadata: { namespace: 'monitoring' },
    spec: { namespaceSelector: { matchNames: ['holdfast'] } },
  })
  const values = Object.entries(own).map(([key, value]): [string, unknown] => [
    `serviceMonitor.${key}`,
    value,
  ])
  const { all } = rendered([...set('serviceMonitor.enabled=true'), ...json(Object.fromEntries(values))])
  t.match(find(all, 'ServiceMonitor')?.spec?.endpoints, [{ ...own, honorLabels: true }])
  const theirs = rendered(set('serviceMonitor.enabled=true', 'serviceMonitor.honorLabels=false')).all
  t.match(find(theirs, 'ServiceMonitor')?.spec?.endpoints, [{ honorLabels: false }])
  t.end()
})

function alerts(...flags: readonly string[]) {
  const { all } = rendered([...set('prometheusRule.enabled=true'), ...flags])
  return find(all, 'PrometheusRule')?.spec?.groups?.[0]?.rules ?? []
}

t.test('an alert is turned off, or made milder or more patient, by its name', { skip }, (t) => {
  const usual = alerts()
  const switches = {
    HoldfastDoesNotAnswer: { enabled: false },
    HoldfastNodeInDanger: { severity: 'page', for: '3m' },
    HoldfastDiskMapStale: { for: '1h' },
    HoldfastProxyHasNoReplica: { enabled: false },
  }
  const changed = alerts(...json({ 'prometheusRule.alerts': switches }))
  t.strictSame(
    changed.map(({ alert }) => alert),
    usual.map(({ alert }) => alert).filter((alert) => alert !== 'HoldfastDoesNotAnswer'),
  )
  const named = (name: string) => changed.find(({ alert }) => alert === name)
  t.match(named('HoldfastNodeInDanger'), { for: '3m', labels: { severity: 'page' }, expr: /holdfast_danger/ })
  t.match(named('HoldfastDiskMapStale'), { for: '1h', labels: { severity: 'critical' } })
  const rest = (all: typeof usual) => all.filter(({ alert }) => !Object.hasOwn(switches, alert))
  t.same(rest(changed), rest(usual), 'the other alerts do not change')
  t.throws(
    () => alerts(...json({ 'prometheusRule.alerts': { HoldfastDoesNotAnwser: { enabled: false } } })),
    /there is no alert HoldfastDoesNotAnwser. There are: .*HoldfastDoesNotAnswer/,
  )
  t.end()
})

t.test('on the network of its node the guard has a rollout and names that fit', { skip }, (t) => {
  const ports = 'config.port=20443,config.healthPort=20080,config.operatorPort=20081'
  const { all } = rendered(['--set', `hostNetwork=true,${ports},proxy.longhorn.enabled=true`])
  const guard = find(all, 'Deployment')
  const pod = guard && podOf(guard)
  t.match(pod, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })
  t.match(pod?.containers[0]?.ports, [
    { name: 'webhook', containerPort: 20_443 },
    { name: 'health', containerPort: 20_080 },
  ])
  t.match(guard?.spec?.template?.metadata.annotations, { 'holdfast.dev/operator-port': '20081' })
  t.match(guard?.spec?.strategy, { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } })
  const proxy = find(all, 'Deployment', 'holdfast-longhorn')
  t.notOk(
    proxy && podOf(proxy)?.hostNetwork,
    'a proxy needs no host network, since the API server does not call it',
  )
  t.match(proxy?.spec?.strategy, { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } })
  t.end()
})

t.test(
  'on the network of its node the guard listens on ports that are usually free, or on those of the values',
  { skip },
  (t) => {
    const portsOf = (...settings: readonly string[]) => {
      const { all } = rendered(set(...settings))
      const guard = find(all, 'Deployment')
      const [container] = (guard && podOf(guard)?.containers) ?? []
      const [webhook, health] = container?.ports?.map(({ containerPort }) => containerPort) ?? []
      const operator = guard?.spec?.template?.metadata.annotations?.['holdfast.dev/operator-port']
      const configured = parse(find(all, 'ConfigMap')?.data?.['holdfast.yaml'] ?? '') as Record<
        string,
        number
      >
      t.strictSame(
        [configured.port, configured.healthPort, configured.operatorPort],
        [webhook, health, Number(operator)],
        'the guard listens on the ports that its pod names',
      )
      return [webhook, health, Number(operator)]
    }
    t.strictSame(portsOf(), [8443, 8080, 8081])
    t.strictSame(portsOf('hostNetwork=true'), [14_443, 14_080, 14_081])
    t.strictSame(portsOf('hostNetwork=true', 'config.port=15443'), [15_443, 14_080, 14_081])
    // Of the kubelet, of Longhorn's managers, of the API server and of ingress controllers.
    const taken = [80, 443, 2379, 6443, 8080, 8443, 9100, ...[9500, 9501, 9502, 9503, 9504], 10_250, 10_256]
    for (const port of portsOf('hostNetwork=true')) t.notOk(taken.includes(port ?? 0), String(port))
    t.throws(() => portsOf('hostNetwork=true', 'config.port=10250'), /10250 is one of Kubernetes itself/)
    t.throws(() => portsOf('config.healthPort=8443'), /must be three ports/)
    t.end()
  },
)

t.test(
  'a Service with one port for two purposes is refused, since the API server takes none',
  { skip },
  (t) => {
    t.throws(() => rendered(set('service.port=8080')), /service.port and service.healthPort are both 8080/)
    t.throws(() => rendered(set('service.healthPort=443')), /are both 443/)
    t.end()
  },
)

t.test('each mode of certificates has its own Secret', { skip }, (t) => {
  const secretOf = (...settings: string[]) =>
    find(rendered(set(...settings)).all, 'Deployment')?.metadata.annotations?.[
      'holdfast.dev/certificate-secret'
    ]
  const self = secretOf()
  t.equal(self, 'holdfast-tls')
  const manager = secretOf('certificates.mode=cert-manager')
  t.equal(manager, 'holdfast-cert-manager-tls')
  const { all } = rendered(set('certificates.mode=cert-manager'))
  t.equal(find(all, 'Certificate')?.spec?.secretName, manager)
  const modeOf = (...settings: string[]) =>
    find(rendered(set(...settings)).all, 'Deployment')?.metadata.annotations?.['holdfast.dev/certificates']
  t.equal(modeOf(), 'self')
  t.equal(modeOf('certificates.mode=cert-manager'), 'cert-manager')
  t.equal(modeOf('certificates.mode=files', 'certificates.files.secretName=mine'), 'files')
  t.end()
})

t.test('rendering needs no cluster, and twice the same comes out', { skip }, (t) => {
  // As Argo CD renders: with all that the API server serves, and with no way to look anything up.
  const apis = ['v1/Pod', 'v1/Namespace', 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy']
  const flags = [...apis.flatMap((api) => ['--api-versions', api]), ...set('proxy.longhorn.enabled=true')]
  const [once, again] = [rendered(flags), rendered(flags)]
  t.equal(once.text, again.text)
  const registrations = once.all.filter(({ kind }) => kind === 'ValidatingWebhookConfiguration')
  t.equal(
    registrations.length,
    1,
    'the chart makes one registration: kubectl apply would replace it by a hook of the same name',
  )
  for (const { clientConfig } of registrations[0]?.webhooks ?? []) t.notOk('caBundle' in clientConfig)
  t.notOk(once.all.some(({ kind }) => kind === 'Lease'))
  t.end()
})
