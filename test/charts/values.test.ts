import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { settingNames, SettingsSchema } from '../../src/configuration/settings.ts'
import { namesRelease } from '../../src/longhorn/releases.ts'
import { ruleNames } from '../../src/rules/finding.ts'
import { root } from '../fixtures/root.ts'

const chart = `${root}/charts/holdfast`

/** The part of JSON Schema that the chart's values are described with. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: false | Schema
  readonly description?: string
  readonly items?: Schema
}

const values = JSON.parse(readFileSync(`${chart}/values.schema.json`, 'utf8')) as Schema
const config = values.properties?.config?.properties ?? {}

/** Settings that the chart sets by itself, or that have no meaning in a pod. */
const chartDecides = [
  'kubeconfig',
  'context',
  'namespace',
  'replica',
  'longhornNamespace',
  'tlsCert',
  'tlsKey',
  'clientCa',
  'clientNames',
  'certificateSecret',
  'serverName',
  'webhookConfiguration',
  'rescue',
]

t.test('every setting is either the operator’s, under config, or the chart’s', (t) => {
  t.strictSame([...Object.keys(config), ...chartDecides].toSorted(), [...settingNames].toSorted())
  t.strictSame(Object.keys(config.rules?.properties ?? {}), [...ruleNames])
  t.end()
})

t.test('durations under config look as in the configuration file', (t) => {
  for (const [name, setting] of Object.entries(SettingsSchema.properties)) {
    if ('pattern' in setting) t.equal(config[name]?.pattern, setting.pattern, name)
  }
  t.end()
})

t.test('a release under config that names none stops at helm already, and no other does', (t) => {
  const pattern = new RegExp(config.longhornRelease?.pattern ?? '')
  for (const text of ['latest', 'stable', 'main', 'v1', '1.8', 'master-head', '']) t.notMatch(text, pattern)
  const named = ['v1.8.0', '1.8.0', 'v1.9.x-head', 'v1.9.x', 'v1.10.0-hotfix-1', 'v1.8.1+git.3f2a']
  for (const text of [...named, '105.1.0+up1.8.1', 'v1.8.1_up1.8.1', 'v1.8.2-alpha.1']) {
    t.ok(namesRelease(text), text)
    t.match(text, pattern)
  }
  t.end()
})

/**
 * Values in Kubernetes' own form, which the API server checks, and `global`, which belongs to the umbrella.
 */
const open = [
  '/global',
  '/global/cattle',
  ...['nodeAffinity', 'podAffinity', 'podAntiAffinity'].map((kind) => `/affinity/${kind}`),
  '/extraEnv[]/valueFrom',
  '/extraVolumes[]',
  '/extraInitContainers[]',
  '/extraContainers[]',
  '/topologySpreadConstraints[]',
  ...['seccompProfile', 'appArmorProfile', 'seLinuxOptions'].map((key) => `/securityContext/${key}`),
  '/containerSecurityContext',
  '/networkPolicy/extraIngress[]',
  '/networkPolicy/extraEgress[]',
  '/extraObjects[]',
]

t.test('an unknown value is an error, wherever it stands', (t) => {
  const found = [...objects('', values)].filter(([, { additionalProperties: more }]) => {
    const closed = more === false || more?.type === 'string' || more?.additionalProperties === false
    return !closed
  })
  t.strictSame(
    found.map(([path]) => path),
    open,
  )
  t.end()
})

t.test('every value stands in values.yaml, with its default', (t) => {
  const defaults = parse(readFileSync(`${chart}/values.yaml`, 'utf8')) as Readonly<Record<string, unknown>>
  // Values that Kubernetes or holdfast.yaml describes are left out there.
  const described =
    /^\/(global\/cattle|affinity|dnsConfig|strategy|config|resources|probes|imagePullSecrets|tolerations|\w*securityContext)\//i
  for (const [path] of leaves('', values)) {
    if (described.test(path) || path.includes('[]')) continue
    t.ok(has(defaults, path.slice(1).split('/')), path)
  }
  t.end()
})

t.test('each matchCondition begins with its reason and is used', (t) => {
  const templates = readdirSync(`${chart}/templates`)
    .filter((file) => /\.(yaml|tpl)$/.test(file))
    .map((file) => readFileSync(`${chart}/templates/${file}`, 'utf8'))
  for (const file of readdirSync(`${chart}/match-conditions`)) {
    const name = file.replace(/\.cel$/, '')
    t.match(readFileSync(`${chart}/match-conditions/${file}`, 'utf8'), /^\/\/ /, file)
    t.ok(
      templates.some((text) => text.includes(`"${name}"`)),
      `${name} is in no template`,
    )
  }
  t.end()
})

function has(value: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false
  return has((value as Readonly<Record<string, unknown>>)[key], rest)
}

function* leaves(path: string, schema: Schema): Generator<[string, Schema]> {
  const inner = Object.entries(schema.properties ?? {})
  if (inner.length === 0) yield [path, schema]
  for (const [key, each] of inner) yield* leaves(`${path}/${key}`, each)
}

function* objects(path: string, schema: Schema): Generator<[string, Schema]> {
  if ([schema.type].flat().includes('object')) yield [path, schema]
  for (const [key, each] of Object.entries(schema.properties ?? {})) yield* objects(`${path}/${key}`, each)
  if (schema.items) yield* objects(`${path}[]`, schema.items)
  if (schema.additionalProperties) yield* objects(`${path}/*`, schema.additionalProperties)
}
