import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { root } from '../fixtures/root.ts'
import { thorough } from '../fixtures/thorough.ts'
import { helm, skip } from './helm.ts'

const chart = `${root}/charts/holdfast`

type Path = readonly string[]
type Values = Readonly<Record<string, unknown>>

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

const schema = JSON.parse(readFileSync(`${chart}/values.schema.json`, 'utf8')) as Schema
const paths = [...pathsOf(parse(readFileSync(`${chart}/values.yaml`, 'utf8')) as Values)]

/** The text that a template makes of a missing value. */
const madeOfNull = /<nil>|<no value>|%!|^null$|[:=](null)?$/

/** Makes as much of the chart as it can. */
const everythingOn = {
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  dashboard: { enabled: true },
  backstop: { enabled: true },
  certificates: { mode: 'cert-manager' },
  config: { auditFile: '/var/log/holdfast/audit.log' },
  webhook: { clientCertificates: { configMap: 'authorities' } },
  proxy: { longhorn: { enabled: true, tls: { enabled: true } }, kubernetes: { enabled: true } },
}

t.test('a value that is null is as empty, or an error that names it', { skip }, (t) => {
  for (const together of groups()) {
    const tried = {
      'by default': alone(t, withNulls({}, together)),
      'with everything on, in an umbrella': inUmbrella(t, withNulls(everythingOn, together)),
    }
    const needed = together.filter(isRequired)
    for (const [how, { ok, stdout, stderr }] of Object.entries(tried)) {
      const title = `${how}: ${together.map((path) => path.join('.')).join(', ')}`
      if (needed.length === 0) t.strictSame(ok ? emptyIn(stdout) : stderr, [], title)
      else t.notOk(ok, title)
      for (const path of needed) t.match(stderr, missing(path), path.join('.'))
    }
  }
  t.end()
})

t.test('every template first restores the values that null removed', (t) => {
  const files = readdirSync(`${chart}/templates`, { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((name) => /\.(yaml|txt)$/.test(name))) {
    const text = readFileSync(join(chart, 'templates', file), 'utf8')
    t.ok(text.startsWith('{{- include "holdfast.complete" . -}}\n'), file)
  }
  t.end()
})

/** Those of one depth at once, what is needed apart from what is not; the latter each by itself where there is time. */
function groups(): (readonly Path[])[] {
  const depths = [...new Set(paths.map(({ length }) => length))]
  const optional = paths.filter((path) => !isRequired(path))
  const needed = paths.filter(isRequired)
  const ofDepth = (some: readonly Path[]) =>
    depths.map((depth) => some.filter(({ length }) => length === depth)).filter(({ length }) => length > 0)
  return [...ofDepth(needed), ...(thorough ? optional.map((path) => [path]) : ofDepth(optional))]
}

/** As helm says it: the place, and the key. */
function missing(path: Path): RegExp {
  const place = ['', ...path.slice(0, -1)].join('/')
  return new RegExp(`at '${place}': missing propert(y|ies) .*'${path.at(-1)}'`)
}

function isRequired(path: Path): boolean {
  let at: Schema | undefined = schema
  for (const key of path.slice(0, -1)) at = at?.properties?.[key]
  return at?.required?.includes(path.at(-1) ?? '') ?? false
}

function alone(t: Test, values: Values) {
  const file = join(t.testdir({ 'values.yaml': stringify(values) }), 'values.yaml')
  return template(chart, '--values', file)
}

function inUmbrella(t: Test, values: Values) {
  const umbrella = t.testdir({
    charts: {},
    'Chart.yaml': stringify({ apiVersion: 'v2', name: 'platform', version: '0.0.1' }),
    'values.yaml': stringify({ holdfast: values }),
  })
  symlinkSync(chart, `${umbrella}/charts/holdfast`)
  return template(umbrella)
}

function template(...args: readonly string[]) {
  return helm('template', 'holdfast', '--namespace', 'holdfast', '--kube-version', '1.36.0', ...args)
}

function* pathsOf(values: Values, before: Path = []): Generator<Path> {
  for (const [key, value] of Object.entries(values)) {
    yield [...before, key]
    if (isValues(value)) yield* pathsOf(value, [...before, key])
  }
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withNulls(base: Values, nulls: readonly Path[]): Values {
  let values = base
  for (const path of nulls) values = withNull(values, path)
  return values
}

function withNull(values: Values, [key = '', ...rest]: Path): Values {
  const inner = values[key]
  return { ...values, [key]: rest.length === 0 ? null : withNull(isValues(inner) ? inner : {}, rest) }
}

/** The places of the manifests without a value, or with a text made of none. */
function emptyIn(manifests: string): string[] {
  return parseAllDocuments(manifests).flatMap((document) => [...emptyAt('', document.toJS() ?? {})])
}

function* emptyAt(path: string, value: unknown): Generator<string> {
  if (value === null || (typeof value === 'string' && madeOfNull.test(value))) yield `${path}: ${value}`
  if (typeof value !== 'object' || value === null) return
  for (const [key, each] of Object.entries(value)) {
    // Expressions compare with null, and so does a dashboard.
    if (/^(expression|messageExpression|.*\.json)$/.test(key)) continue
    yield* emptyAt(`${path}/${key}`, key.endsWith('.yaml') ? parse(String(each)) : each)
  }
}
