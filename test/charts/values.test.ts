import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { SettingsSchema, settingNames } from '../../src/configuration/settings.ts'
import { ruleNames } from '../../src/rules/finding.ts'
import { root } from '../fixtures/root.ts'

const chart = `${root}/charts/holdfast`

/** The part of JSON Schema that the chart's values are described with. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: false | Schema
  readonly items?: Schema
}

const values = JSON.parse(readFileSync(`${chart}/values.schema.json`, 'utf8')) as Schema
const config = values.properties?.config?.properties ?? {}

/** What the chart sets by itself, or what has no meaning in a pod. */
const chartDecides = [
  'kubeconfig',
  'context',
  'namespace',
  'replica',
  'longhornNamespace',
  'tlsCert',
  'tlsKey',
  'certificateSecret',
  'serverName',
  'webhookConfiguration',
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

t.test('an unknown value is an error, wherever it stands', (t) => {
  // Helm hands `global` to every chart of an umbrella.
  for (const [path, schema] of objects('', values)) {
    const closed = schema.additionalProperties
    t.ok(closed === false || closed?.type === 'string' || path === '/global', path || 'the values themselves')
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

function* objects(path: string, schema: Schema): Generator<[string, Schema]> {
  if (schema.type === 'object') yield [path, schema]
  for (const [key, each] of Object.entries(schema.properties ?? {})) yield* objects(`${path}/${key}`, each)
  if (schema.items) yield* objects(`${path}[]`, schema.items)
}
