import t from 'tap'
import { parse } from 'yaml'
import { read, rowsOf } from '../docs/pages.ts'
import { skip } from './helm.ts'
import { podOf, rendered } from './manifest.ts'
import { everything, find, json, judging } from './usual.ts'
import { set } from './rendered.ts'

t.test('each value of cert-manager and Kyverno has one here, or is left out for a reason', (t) => {
  const values: unknown = parse(read('charts/holdfast/values.yaml'))
  const has = (path: string): boolean => {
    let at = values
    for (const key of path.split('.')) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false
      at = Reflect.get(at, key)
    }
    return true
  }
  const rows = rowsOf('docs/integrations/other-charts.md').filter(([theirs]) => theirs?.startsWith('`'))
  t.ok(rows.length > 40)
  for (const [theirs = '', ours = '', why = ''] of rows) {
    const named = [...ours.matchAll(/`([\w.]+)`/g)].flatMap(([, name]) => name ?? [])
    for (const name of named) t.ok(has(name), `${theirs}: ${name}`)
    t.ok(named.length > 0 || why.length > 15, `${theirs} has a value here, or a reason`)
  }
  t.end()
})

t.test('namespaceOverride puts every object into that namespace, and what names it', { skip }, (t) => {
  const apis = ['--api-versions', 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy']
  const usual = rendered([...everything, ...apis])
  const { text } = rendered([...everything, ...apis, ...set('namespaceOverride=holdfast')], {
    namespace: 'longhorn-system',
  })
  t.equal(text, usual.text, 'the output equals that of a release in that namespace')
  t.throws(() => rendered(set('namespaceOverride=longhorn-system')), /must not run in Longhorn's namespace/)
  t.end()
})

t.test('an umbrella sets labels, nodes, tolerations and a priority for all of its charts', { skip }, (t) => {
  const global = {
    commonLabels: { team: 'storage', 'app.kubernetes.io/part-of': 'platform' },
    nodeSelector: { pool: 'system' },
    tolerations: [{ key: 'system', operator: 'Exists' }],
    priorityClassName: 'high',
  }
  const { all } = rendered([...everything, ...json({ global }), ...set('nodeSelector.disk=ssd')])
  for (const made of all) t.equal(made.metadata.labels?.team, 'storage', `${made.kind} ${made.metadata.name}`)
  for (const made of all) {
    const pod = podOf(made)
    if (pod === undefined) continue
    t.match(pod, { tolerations: [{ key: 'system' }] }, made.metadata.name)
    t.strictSame({ ...pod.nodeSelector }, { pool: 'system', disk: 'ssd', 'kubernetes.io/os': 'linux' })
  }
  for (const pod of judging(all)) t.match(pod, { priorityClassName: 'high' })
  for (const pod of judging(rendered([...json({ global }), ...set('priorityClassName=mine')]).all))
    t.match(pod, { priorityClassName: 'mine' }, 'the value of this chart wins over the global one')
  t.end()
})

t.test('a registry takes the place of that in the repository, and Rancher’s counts last', { skip }, (t) => {
  const image = (...settings: readonly string[]) =>
    judging(rendered(set(...settings)).all)[0]?.containers[0]?.image
  t.equal(image(), 'ghcr.io/holdfast-io/holdfast:0.1.0')
  t.equal(image('image.registry=r.example:5000'), 'r.example:5000/holdfast-io/holdfast:0.1.0')
  t.equal(image('image.registry=r.example', 'image.repository=a/b'), 'r.example/a/b:0.1.0')
  t.equal(image('image.registry=r.example', 'image.repository=localhost:1/b'), 'r.example/b:0.1.0')
  const rancher = 'global.cattle.systemDefaultRegistry=rancher.example'
  t.equal(image(rancher), 'rancher.example/holdfast-io/holdfast:0.1.0')
  t.equal(image(rancher, 'image.registry=r.example'), 'r.example/holdfast-io/holdfast:0.1.0')
  t.equal(image('image.registry=a', 'global.imageRegistry=b'), 'b/holdfast-io/holdfast:0.1.0')
  t.end()
})

t.test('pods and containers take more of a security context, and never less', { skip }, (t) => {
  const flags = json({
    securityContext: { supplementalGroups: [7], appArmorProfile: { type: 'RuntimeDefault' } },
    containerSecurityContext: {
      capabilities: { add: ['NET_BIND_SERVICE'] },
      seLinuxOptions: { type: 'x_t' },
    },
  })
  for (const pod of judging(rendered([...everything, ...flags]).all)) {
    t.match(pod, {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
        supplementalGroups: [7],
        appArmorProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
            seLinuxOptions: { type: 'x_t' },
          },
        },
      ],
    })
  }
  for (const privileged of ['privileged=true', 'allowPrivilegeEscalation=true', 'runAsNonRoot=false'])
    t.throws(() => rendered(set(`containerSecurityContext.${privileged}`)), /containerSecurityContext/)
  t.throws(() => rendered(set('securityContext.runAsUser=0')), /securityContext/)
  t.end()
})

t.test('a uid as large as OpenShift’s stays a whole number', { skip }, (t) => {
  const { all } = rendered(json({ securityContext: { runAsUser: 1_000_680_000 } }))
  t.match(judging(all), [{ securityContext: { runAsUser: 1_000_680_000 } }])
  t.end()
})

t.test('pods take host aliases and a spread of the operator’s own', { skip }, (t) => {
  const hostAliases = [{ ip: '10.0.0.1', hostnames: ['api.internal'] }]
  const topologySpreadConstraints = [
    { maxSkew: 2, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
  ]
  const flags = json({ hostAliases, topologySpreadConstraints })
  for (const pod of judging(rendered([...everything, ...flags]).all))
    t.match(pod, { hostAliases, topologySpreadConstraints })
  const [pod] = judging(rendered([]).all)
  t.match(pod, { topologySpreadConstraints: [{ topologyKey: 'kubernetes.io/hostname' }] })
  t.end()
})

t.test('a budget counts from above, or from below if that is set', { skip }, (t) => {
  const budgets = (...settings: readonly string[]) =>
    rendered([...everything, ...set(...settings)])
      .all.filter(({ kind }) => kind === 'PodDisruptionBudget')
      .map(({ spec }) => ({ ...spec }))
  t.equal(budgets().length, 3)
  for (const budget of budgets()) t.match(budget, { maxUnavailable: 1 })
  for (const budget of budgets('podDisruptionBudget.minAvailable=1')) {
    t.match(budget, { minAvailable: 1 })
    t.notOk('maxUnavailable' in budget)
  }
  t.match(budgets('podDisruptionBudget.minAvailable=50%'), [{ minAvailable: '50%' }])
  t.end()
})

t.test('account and Service have labels of their own, and keep the chart’s', { skip }, (t) => {
  const flags = set(
    'service.labels.a=b',
    'serviceAccount.labels.c=d',
    'service.labels.app\\.kubernetes\\.io/name=x',
  )
  const { all } = rendered(flags)
  t.match(find(all, 'Service')?.metadata.labels, { a: 'b', 'app.kubernetes.io/name': 'holdfast' })
  t.match(find(all, 'ServiceAccount')?.metadata.labels, { c: 'd' })
  t.end()
})

t.test('the NetworkPolicy takes more rules, for containers beside the guard', { skip }, (t) => {
  const extraIngress = [{ ports: [{ port: 9_000 }] }]
  const extraEgress = [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }]
  const { all } = rendered(json({ networkPolicy: { extraIngress, extraEgress } }))
  const { ingress, egress } = { ...find(all, 'NetworkPolicy')?.spec } as Record<string, unknown[]>
  t.equal(ingress?.length, 3)
  t.match(ingress?.at(-1), extraIngress[0])
  t.match(egress?.at(-1), extraEgress[0])
  t.end()
})

t.test('a PodMonitor is made in place of the ServiceMonitor, with its settings', { skip }, (t) => {
  const flags = set('podMonitor.enabled=true', 'serviceMonitor.interval=15s', 'serviceMonitor.labels.a=b')
  const { all } = rendered([...flags, ...set('serviceMonitor.namespace=monitoring')])
  const monitor = find(all, 'PodMonitor')
  t.match(monitor?.metadata, { namespace: 'monitoring', labels: { a: 'b' } })
  t.match(monitor?.spec, { podMetricsEndpoints: [{ port: 'health', path: '/metrics', interval: '15s' }] })
  t.notOk(find(all, 'ServiceMonitor'))
  t.throws(
    () => rendered(set('podMonitor.enabled=true', 'serviceMonitor.enabled=true')),
    /count each metric twice/,
  )
  t.end()
})

t.test('alerts and dashboard go to the namespace that Prometheus and Grafana look at', { skip }, (t) => {
  const flags = set('prometheusRule.namespace=monitoring', 'dashboard.namespace=cattle-dashboards')
  const { all } = rendered([...everything, ...flags])
  t.equal(find(all, 'PrometheusRule')?.metadata.namespace, 'monitoring')
  t.equal(find(all, 'ConfigMap', 'holdfast-dashboard')?.metadata.namespace, 'cattle-dashboards')
  t.end()
})
