import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { leaseOf } from '../../src/kubernetes/leases/lease-format.ts'
import { guarded } from '../commands/guarded-cluster.ts'
import { root } from '../fixtures/root.ts'
import { skip } from './helm.ts'
import { rendered } from './manifest.ts'
import { set } from './rendered.ts'

interface Difference {
  readonly kind: string
  readonly name?: string
  readonly jqPathExpressions?: readonly string[]
  readonly jsonPointers?: readonly string[]
}

interface Lease {
  readonly metadata: {
    readonly name: string
    readonly labels?: object
    readonly annotations?: object
  }
}

interface Application {
  readonly spec: {
    readonly source: {
      readonly path: string
      readonly helm: { readonly releaseName: string; readonly valuesObject: object }
    }
    readonly destination: { readonly namespace: string }
    readonly ignoreDifferences: readonly Difference[]
  }
}

interface HelmRelease {
  readonly kind: string
  readonly spec: {
    readonly releaseName: string
    readonly targetNamespace: string
    readonly chart: { readonly spec: { readonly chart: string } }
    readonly driftDetection: {
      readonly ignore: readonly {
        readonly paths: readonly string[]
        readonly target: { readonly kind: string; readonly name?: string }
      }[]
    }
    readonly values: object
  }
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const application = parse(read('examples/gitops/argocd-application.yaml')) as Application
const helmRelease = parseAllDocuments(read('examples/gitops/flux-helmrelease.yaml'))
  .map((document) => document.toJS() as HelmRelease)
  .find(({ kind }) => kind === 'HelmRelease')
if (helmRelease === undefined) throw new Error('there is no HelmRelease in the example')
const { spec: flux } = helmRelease
const { source, destination, ignoreDifferences } = application.spec

const examples = {
  'Argo CD': { values: source.helm.valuesObject, chart: source.path },
  Flux: { values: flux.values, chart: flux.chart.spec.chart },
}

/** Paths of values: `image.tag`. */
function keysOf(values: object, before = ''): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && Object.keys(value).length > 0
      ? keysOf(value, `${before}${key}.`)
      : [before + key],
  )
}

t.test('the examples for GitOps set values that the chart has, and takes', (t) => {
  const schema = JSON.parse(read('charts/holdfast/values.schema.json')) as object
  const defaults = parse(read('charts/holdfast/values.yaml')) as Record<string, object>
  const validate = new Ajv({ strict: false }).compile(schema)
  for (const [name, { values, chart }] of Object.entries(examples)) {
    t.ok(existsSync(join(root, chart, 'Chart.yaml')), name)
    const merged = Object.fromEntries(
      Object.entries(defaults).map(([key, value]) => {
        const own = (values as Record<string, object>)[key]
        return [key, own === undefined ? value : { ...value, ...own }]
      }),
    )
    t.ok(validate(merged), `${name}: ${JSON.stringify(validate.errors)}`)
    const known = keysOf(defaults)
    for (const key of keysOf(values))
      t.ok(
        known.some((each) => key === each || key.startsWith(`${each}.`)),
        `${name}: ${key}`,
      )
  }
  t.end()
})

t.test('the examples ignore exactly the fields that the guard writes', { skip }, (t) => {
  t.strictSame([source.helm.releaseName, destination.namespace], ['holdfast', 'holdfast'])
  t.strictSame([flux.releaseName, flux.targetNamespace], ['holdfast', 'holdfast'])
  for (const [name, { values }] of Object.entries(examples)) {
    const file = join(t.testdir({ 'values.yaml': stringify(values) }), 'values.yaml')
    const { all } = rendered(['--values', file])
    const secrets = all.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name)
    t.strictSame(secrets, ['holdfast-tls'], name)
    const registration = all.find(({ kind }) => kind === 'ValidatingWebhookConfiguration')
    const pointers = registration?.webhooks?.map((_, index) => `/webhooks/${index}/clientConfig/caBundle`)
    const { ignore } = flux.driftDetection
    t.strictSame(ignore[0]?.paths, pointers, 'each webhook has a caBundle')
    t.equal(
      registration?.metadata.annotations?.['argocd.argoproj.io/sync-wave'],
      name === 'Flux' ? undefined : '1',
    )
    t.strictSame(ignore[1], { paths: ['/data'], target: { kind: 'Secret', name: 'holdfast-tls' } })
  }
  t.match(ignoreDifferences, [
    { kind: 'ValidatingWebhookConfiguration', jqPathExpressions: ['.webhooks[].clientConfig.caBundle'] },
    { kind: 'Secret', name: 'holdfast-tls', jsonPointers: ['/data'] },
  ])
  t.end()
})

t.test('the same values render the same, byte for byte', { skip }, (t) => {
  const everything = set(
    ...['serviceMonitor', 'prometheusRule', 'dashboard', 'backstop'].map((name) => `${name}.enabled=true`),
    ...['longhorn', 'kubernetes'].map((api) => `proxy.${api}.enabled=true`),
    'certificates.mode=cert-manager',
  )
  for (const values of [[], everything]) t.equal(rendered(values).text, rendered(values).text)
  t.end()
})

t.test('the rendered manifests leave open all fields that the guard writes', { skip }, (t) => {
  const { all } = rendered([])
  const [registration] = all.filter(({ kind }) => kind === 'ValidatingWebhookConfiguration')
  t.equal(registration?.webhooks?.length, 2)
  for (const { clientConfig } of registration?.webhooks ?? []) t.notOk('caBundle' in clientConfig)
  const [secret] = all.filter(({ kind }) => kind === 'Secret')
  t.strictSame(Object.keys(secret ?? {}).toSorted(), ['apiVersion', 'kind', 'metadata', 'type'])
  t.strictSame(
    all.filter(({ kind }) => ['Lease', 'Event'].includes(kind)),
    [],
  )
  t.end()
})

t.test('no Lease of the guard carries a label by which Argo CD would take it for its own', async (t) => {
  const { sandbox } = await guarded(t)
  const answer = await fetch(`${sandbox.api.url}/apis/coordination.k8s.io/v1/leases`)
  const { items } = (await answer.json()) as { readonly items: readonly Lease[] }
  const page = { key: 'node/node-1', version: undefined, reservations: [], settled: undefined }
  const all = [...items, leaseOf(page, { replica: 'holdfast-0', now: 0 })]
  t.ok(items.length > 0, 'the cluster has Lease holdfast-book')
  for (const { metadata } of all) {
    const marks = Object.keys({ ...metadata.labels, ...metadata.annotations })
    t.notMatch(marks.join(' '), /app\.kubernetes\.io\/instance|argocd|helm/, metadata.name)
  }
})

t.test('the chart’s README shows the differences of the example', (t) => {
  const [, block = ''] = /```yaml\n(ignoreDifferences:[^]*?)```/.exec(read('charts/holdfast/README.md')) ?? []
  t.strictSame((parse(block) as Application['spec']).ignoreDifferences, ignoreDifferences)
  t.end()
})

t.test('no template invents values, and only those that need a cluster look anything up', (t) => {
  const folder = join(root, 'charts/holdfast/templates')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.\w+$/.test(name),
  )
  t.ok(files.length > 20)
  const looking: string[] = []
  for (const name of files) {
    // Without comments, and without what is text for people.
    const actions = [...readFileSync(join(folder, name), 'utf8').matchAll(/\{\{(?!-?\s*\/\*)([^]*?)\}\}/g)]
    const code = actions.map(([, action = '']) => action.replaceAll(/"[^"]*"/g, '')).join('\n')
    t.notMatch(code, /\b(now|date|rand\w*|uuidv4|gen[A-Z]\w*|derivePassword|htpasswd|bcrypt)\b/, name)
    if (/\blookup\b/.test(code)) looking.push(name)
  }
  t.strictSame(looking.toSorted(), ['_refusals.tpl', 'backend-networkpolicy.yaml', 'uninstall.yaml'])
  t.end()
})

t.test('Argo CD knows each event of a hook, and may make it again', { skip }, (t) => {
  const { all } = rendered(set('proxy.longhorn.enabled=true'))
  const hooks = all.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined)
  t.ok(hooks.length > 4)
  // Those that it takes for PostSync and PreDelete, and those that it passes over.
  const known = ['post-install', 'post-upgrade', 'pre-delete', 'post-rollback', 'test']
  for (const { kind, metadata } of hooks) {
    const { annotations = {}, name } = metadata
    const events = annotations['helm.sh/hook']?.split(',') ?? []
    t.ok(
      events.every((event) => known.includes(event)),
      `${kind} ${name}: ${events.join()}`,
    )
    t.match(annotations['helm.sh/hook-delete-policy'], 'before-hook-creation', `${kind} ${name}`)
    t.match(annotations['helm.sh/hook-weight'] ?? '0', /^-?\d+$/, `${kind} ${name}`)
    t.notOk(
      'argocd.argoproj.io/hook' in annotations,
      'a hook of Argo CD would make it ignore the hooks of Helm',
    )
  }
  t.end()
})
