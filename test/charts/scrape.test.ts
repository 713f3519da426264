import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { blocksOf, read } from '../docs/pages.ts'
import { root } from '../fixtures/root.ts'
import { env, skip as withoutHelm } from './helm.ts'
import { type Made, rendered } from './manifest.ts'
import { promtool, skip } from './promtool.ts'
import { set } from './rendered.ts'
import { find } from './usual.ts'

/** A rule of Prometheus that changes the labels of a target, in the operator's spelling. */
interface Relabeling {
  readonly sourceLabels?: readonly string[]
  readonly regex?: string
  readonly targetLabel?: string
  readonly replacement?: string
}

const proxies = set(
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'proxy.kubernetes.tls.secretName=tls',
)
const scrapeFile = 'examples/integrations/prometheus-scrape.yaml'
const monitoringPage = 'docs/integrations/monitoring.md'

/** The label `service` that the rules give to a pod: each rule replaces if its whole expression matches. */
function serviceOf(pod: Readonly<Record<string, string>>, rules: readonly Relabeling[]): string | undefined {
  let service: string | undefined
  for (const { sourceLabels = [], regex = '(.*)', targetLabel, replacement = '$1' } of rules) {
    if (targetLabel !== 'service') continue
    const source = sourceLabels
      .map((name) => pod[name.replace('__meta_kubernetes_pod_label_', '')] ?? '')
      .join(';')
    const found = new RegExp(`^(?:${regex})$`).exec(source)
    if (found) service = replacement.replaceAll(/\$\{?1\}?/g, found[1] ?? '')
  }
  return service
}

/** The labels of the pods as Prometheus spells them, with the name of the Service before each. */
function podsOf(all: readonly Made[]) {
  return all
    .filter(({ kind }) => kind === 'Deployment')
    .map(({ metadata, spec }) => {
      const labels = Object.entries(spec?.template?.metadata.labels ?? {})
      const spelt = labels.map(([name, value]) => [name.replaceAll(/[^a-zA-Z0-9_]/g, '_'), value] as const)
      return { service: metadata.name, labels: Object.fromEntries(spelt) }
    })
}

t.test(
  'the PodMonitor gives each pod the label service that the ServiceMonitor gives it',
  { skip: withoutHelm },
  (t) => {
    for (const release of ['holdfast', 'storage']) {
      const own = set('serviceMonitor.relabelings[0].targetLabel=cluster')
      const { all } = rendered([...set('podMonitor.enabled=true'), ...proxies, ...own], { release })
      const monitor = all.find(({ kind }) => kind === 'PodMonitor')
      const [endpoint] =
        (monitor?.spec as { podMetricsEndpoints?: { relabelings: Relabeling[] }[] }).podMetricsEndpoints ?? []
      const pods = podsOf(all)
      t.equal(pods.length, 3)
      for (const { service, labels } of pods) {
        t.ok(find(all, 'Service', service), `Service ${service}`)
        t.equal(serviceOf(labels, endpoint?.relabelings ?? []), service, service)
      }
      t.match(
        endpoint?.relabelings.at(-1),
        { targetLabel: 'cluster' },
        'the relabelings of the values come last',
      )
    }
    t.end()
  },
)

t.test('the scrape configuration gives each pod the label service', { skip: withoutHelm }, (t) => {
  const { scrape_configs: jobs } = parse(read(scrapeFile)) as {
    scrape_configs: {
      relabel_configs: (Omit<Relabeling, 'sourceLabels' | 'targetLabel'> & {
        source_labels: string[]
        target_label?: string
      })[]
    }[]
  }
  const rules = (jobs[0]?.relabel_configs ?? []).map(({ source_labels, target_label, ...rest }) => ({
    ...rest,
    sourceLabels: source_labels,
    ...(target_label !== undefined && { targetLabel: target_label }),
  }))
  for (const { service, labels } of podsOf(rendered(proxies).all))
    t.equal(serviceOf(labels, rules), service, service)
  t.end()
})

t.test('promtool accepts the scrape configuration', { skip }, (t) => {
  t.match(promtool(['check', 'config', '--syntax-only', join(root, scrapeFile)]), { ok: true })
  t.end()
})

t.test('the command of the docs makes a rule file that promtool accepts', { skip }, (t) => {
  const script = blocksOf(monitoringPage).find(({ text }) => text.includes('holdfast-alerts.yaml'))?.text
  // A helm that was built from its sources takes the cluster for an old one.
  const command = script?.split('>')[0]?.replace('helm template', 'helm template --kube-version 1.36.0') ?? ''
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: root, env, encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const file = join(t.testdir(), 'holdfast-alerts.yaml')
  writeFileSync(file, stdout)
  t.match(promtool(['check', 'rules', file]), { ok: true, said: /SUCCESS: \d{2} rules found/ })
  t.end()
})

t.test('the docs name the alerts that need metrics of others', (t) => {
  const rules = read('charts/holdfast/templates/prometheusrule.yaml')
  const alerts = [...rules.matchAll(/- alert: (\w+)\n *expr: (.*)/g)]
  const needing = (metric: RegExp) =>
    alerts.filter(([, , expr = '']) => metric.test(expr)).map(([, name]) => name)
  const [, api = '', state = ''] =
    /^- (`HoldfastDoesNotAnswer`.*?) need metrics of the API server\.(.*?)need kube-state-metrics/ms.exec(
      read(monitoringPage),
    ) ?? []
  const named = (text: string) => text.match(/Holdfast\w+/g) ?? []
  t.strictSame(named(api), needing(/\bapiserver_/))
  t.strictSame(named(state), needing(/\bkube_/))
  t.end()
})
