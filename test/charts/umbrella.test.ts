import { symlinkSync } from 'node:fs'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { replicaSelector } from '../../src/commands/doctor/replicas.ts'
import { root } from '../fixtures/root.ts'
import { skip } from './helm.ts'
import { type Made, podOf, rendered } from './manifest.ts'

const proxies = { longhorn: { enabled: true } }

const label = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

t.test('an alias of any spelling makes names and labels that Kubernetes takes', { skip }, (t) => {
  const long = 'a'.repeat(60)
  for (const alias of ['storageGuard', 'storage_guard_', '9Lives', long, `${long.slice(2)}_B`]) {
    const { all } = rendered([], {
      chart: umbrella(t, { alias }, { [alias]: { proxy: proxies } }),
      release: 'p',
    })
    t.ok(all.length > 20, alias)
    for (const { kind, metadata } of all) {
      t.match(metadata.name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, `${kind} ${metadata.name}`)
      for (const value of Object.values(metadata.labels ?? {})) t.match(value, label, `${kind} ${value}`)
    }
  }
  t.end()
})

/** An umbrella that has the chart as its dependency. */
function umbrella(t: Test, dependency: object, values: object): string {
  const chart = t.testdir({
    charts: {},
    'Chart.yaml': stringify({
      apiVersion: 'v2',
      name: 'platform',
      version: '0.0.1',
      dependencies: [{ name: 'holdfast', version: '0.1.0', ...dependency }],
    }),
    'values.yaml': stringify(values),
  })
  symlinkSync(`${root}/charts/holdfast`, `${chart}/charts/holdfast`)
  return chart
}

function names(all: readonly Made[], kind: string): string[] {
  return all.filter((made) => made.kind === kind).map(({ metadata }) => metadata.name)
}

t.test('an umbrella turns the chart on and off by the condition enabled', { skip }, (t) => {
  const condition = { condition: 'holdfast.enabled' }
  const on = rendered([], { chart: umbrella(t, condition, { holdfast: { enabled: true } }), release: 'p' })
  t.strictSame(names(on.all, 'Deployment'), ['p-holdfast'])
  const off = rendered([], { chart: umbrella(t, condition, { holdfast: { enabled: false } }), release: 'p' })
  t.strictSame(off.all, [])
  t.throws(
    () => rendered([], { chart: umbrella(t, {}, { holdfast: { enabled: false } }) }),
    /condition in the umbrella's Chart.yaml: holdfast.enabled/,
    'the chart fails without the condition',
  )
  t.end()
})

t.test('global names the registry and the pull secrets of every pod', { skip }, (t) => {
  const global = { imageRegistry: 'r.example:5000', imagePullSecrets: ['one', { name: 'two' }], other: 1 }
  const holdfast = { imagePullSecrets: [{ name: 'two' }], image: { registry: 'mine' }, proxy: proxies }
  const { all } = rendered([], { chart: umbrella(t, {}, { global, holdfast }), release: 'p' })
  const pods = all.flatMap((made) => podOf(made) ?? [])
  t.equal(pods.length, 5, 'guard, proxy, two hooks, test')
  for (const { containers, initContainers = [], imagePullSecrets } of pods) {
    t.same(imagePullSecrets, [{ name: 'two' }, { name: 'one' }])
    for (const { image } of [...containers, ...initContainers])
      t.equal(image, 'r.example:5000/holdfast-io/holdfast:0.1.0')
  }
  const slash = rendered(['--set', 'global.imageRegistry=r.example/']).all
  t.match(
    slash.flatMap((made) => podOf(made)?.containers ?? [])[0]?.image,
    'r.example/holdfast-io/holdfast:0.1.0',
  )
  const { all: own } = rendered(['--set', 'image.registry=mine/sub,image.repository=guard'])
  t.match(
    own.flatMap((made) => podOf(made)?.containers ?? []).map(({ image }) => image),
    ['mine/sub/guard:0.1.0', 'mine/sub/guard:0.1.0'],
  )
  t.end()
})

t.test('commands find the replicas of an alias or a chart with another name', { skip }, (t) => {
  const values = { proxy: proxies }
  const aliased = umbrella(t, { alias: 'storageguard' }, { storageguard: values })
  const override = umbrella(t, {}, { holdfast: { nameOverride: 'guard', ...values } })
  const [, found = ''] = /in \((.*)\)/.exec(replicaSelector) ?? []
  for (const chart of [aliased, override]) {
    const { all } = rendered([], { chart, release: 'p', namespace: 'guardx' })
    const deployments = all.filter(({ kind }) => kind === 'Deployment')
    for (const { metadata, spec } of deployments) {
      const component = metadata.labels?.['holdfast.dev/component']
      t.ok(found.split(',').includes(component ?? ''), metadata.name)
      t.equal(spec?.template?.metadata.labels['holdfast.dev/component'], component)
    }
    t.equal(deployments.length, 2)
    const [guard] = deployments.filter(
      ({ metadata }) => metadata.labels?.['holdfast.dev/component'] === 'guard',
    )
    const { 'holdfast.dev/registration': registration, 'holdfast.dev/certificate-secret': secret } =
      guard?.metadata.annotations ?? {}
    t.strictSame(names(all, 'ValidatingWebhookConfiguration'), [registration])
    t.strictSame(names(all, 'Secret'), [secret])
    const others = all.filter(({ kind }) => kind === 'Job' || kind === 'Pod')
    t.notOk(
      others.some(({ spec }) => spec?.template?.metadata.labels['holdfast.dev/component']),
      'hooks and the test do not have the label of replicas',
    )
  }
  t.end()
})
