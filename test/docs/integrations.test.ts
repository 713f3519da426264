import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { apiServerNames } from '../../src/tls/api-server-folder.ts'
import { podOf, rendered } from '../charts/manifest.ts'
import { skip } from '../charts/helm.ts'
import { set } from '../charts/rendered.ts'
import { root } from '../fixtures/root.ts'
import { pages, read } from './pages.ts'

const folder = 'examples/integrations'
const files = readdirSync(join(root, folder))
const example = (name: string): unknown => parse(read(join(folder, name)))

t.test('every YAML example parses, and examples/README.md and a recipe link every example', (t) => {
  const recipes = pages
    .filter((page) => page.startsWith('docs/integrations/'))
    .map(read)
    .join('\n')
  t.ok(files.length > 8)
  for (const file of files) {
    if (file.endsWith('.yaml'))
      for (const document of parseAllDocuments(read(join(folder, file))))
        t.strictSame(document.errors, [], file)
    t.ok(read('examples/README.md').includes(`](integrations/${file})`), `${file} in examples/README.md`)
    t.ok(recipes.includes(`](../../examples/integrations/${file})`), `${file} in docs/integrations`)
  }
  for (const file of readdirSync(join(root, 'examples/gitops')))
    t.ok(read('examples/README.md').includes(`](gitops/${file})`), file)
  t.end()
})

t.test('each recipe says how far it was tried, and the index names it', (t) => {
  const recipes = pages.filter((page) => page.startsWith('docs/integrations/'))
  t.ok(recipes.length > 8)
  for (const page of recipes) {
    const name = page.slice('docs/integrations/'.length)
    if (name === 'README.md') continue
    t.ok(read('docs/integrations/README.md').includes(`](${name})`), page)
    if (name !== 'other-charts.md') t.match(read(page), /^## How far this was tried$/m, page)
  }
  t.ok(read('docs/README.md').includes('](integrations/README.md)'))
  t.end()
})

t.test('every API server is given the files that certs --api-server makes', (t) => {
  const { installedIn } = { installedIn: '/etc/kubernetes/holdfast' }
  const texts = ['kubeadm', 'k3s', 'talos'].map((name) => read(join(folder, `api-server-${name}.yaml`)))
  for (const text of texts) t.match(text, installedIn)
  const flag = `admission-control-config-file=${installedIn}/${apiServerNames.admission}`
  t.match(example('api-server-k3s.yaml'), { 'kube-apiserver-arg': [flag] })
  t.match(example('api-server-kubeadm.yaml'), {
    apiServer: {
      extraArgs: [
        { name: 'admission-control-config-file', value: `${installedIn}/${apiServerNames.admission}` },
      ],
      extraVolumes: [{ mountPath: installedIn }],
    },
  })
  t.match(example('api-server-talos.yaml'), {
    cluster: {
      apiServer: {
        extraVolumes: [{ mountPath: installedIn }],
        admissionControl: [
          {
            name: 'ValidatingAdmissionWebhook',
            configuration: { kubeConfigFile: `${installedIn}/kubeconfig.yaml` },
          },
        ],
      },
    },
  })
  t.match(example('api-server-rke2.yaml'), {
    'kube-apiserver-extra-mount': [`${installedIn}:${installedIn}:ro`],
  })
  t.end()
})

t.test('kured is stopped by alerts that the chart makes', (t) => {
  const rules = read('charts/holdfast/templates/prometheusrule.yaml')
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].flatMap(([, name]) => name ?? [])
  const { configuration } = example('kured-values.yaml') as {
    configuration: { alertFilterRegexp: string; alertFilterMatchOnly: boolean }
  }
  const pattern = new RegExp(configuration.alertFilterRegexp)
  t.equal(configuration.alertFilterMatchOnly, true, 'the expression names those that count')
  const named = configuration.alertFilterRegexp.match(/Holdfast\w+/g) ?? []
  t.ok(named.length > 1)
  for (const name of named) t.ok(alerts.includes(name), name)
  t.strictSame(alerts.filter((alert) => pattern.test(alert)).toSorted(), named.toSorted())
  t.end()
})

t.test('Grafana finds the dashboard of the chart, and Prometheus finds its pods', { skip }, (t) => {
  const { all } = rendered(set('dashboard.enabled=true', 'proxy.longhorn.enabled=true'))
  const { spec } = example('grafana-operator-dashboard.yaml') as {
    spec: { configMapRef: { name: string; key: string } }
  }
  const map = all.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === spec.configMapRef.name,
  )
  t.ok(Object.hasOwn(map?.data ?? {}, spec.configMapRef.key))
  const text = read(join(folder, 'prometheus-scrape.yaml'))
  const components = new RegExp(`^(${/regex: (guard\|.+)/.exec(text)?.[1] ?? ''})$`)
  const pods = all.filter(({ kind }) => kind === 'Deployment')
  t.equal(pods.length, 2)
  for (const made of pods) {
    t.match(made.spec?.template?.metadata.labels['app.kubernetes.io/component'], components)
    t.ok(podOf(made)?.containers[0]?.ports?.some(({ name }) => name === 'health'))
  }
  t.end()
})
