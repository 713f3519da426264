import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { settingFacts } from '../../src/configuration/settings.ts'
import { read } from '../docs/pages.ts'
import { root } from '../fixtures/root.ts'

interface Chart {
  readonly version: string
  readonly appVersion: string
  readonly home: string
  readonly icon: string
  readonly sources: readonly string[]
  readonly maintainers: readonly { readonly name: string; readonly url: string }[]
  readonly annotations: Readonly<Record<string, string>>
}

interface Question {
  readonly variable: string
  readonly label: string
  readonly description: string
  readonly type: 'string' | 'int' | 'boolean' | 'enum'
  readonly default: unknown
  readonly options?: readonly string[]
  readonly show_if?: string
}

interface Schema {
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
}

const chart = parse(read('charts/holdfast/Chart.yaml')) as Chart
const manifest = JSON.parse(read('package.json')) as { readonly repository: { readonly url: string } }
const home = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
const { questions } = parse(read('charts/holdfast/questions.yaml')) as { questions: readonly Question[] }
const values: unknown = parse(read('charts/holdfast/values.yaml'))
const schema = JSON.parse(read('charts/holdfast/values.schema.json')) as Schema

/** A list in an annotation, which is a text to Helm. */
function listIn(annotation: string): readonly Readonly<Record<string, unknown>>[] {
  return parse(chart.annotations[annotation] ?? '[]') as Readonly<Record<string, unknown>>[]
}

function valueAt(path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (at, key) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined,
      values,
    )
}

t.test('the chart says where the project lives, and has an icon that is there', (t) => {
  t.equal(chart.home, home)
  t.strictSame(chart.sources, [home])
  t.match(chart.maintainers, [{ name: /Holdfast/, url: home }])
  const [, path = ''] =
    /^https:\/\/raw\.githubusercontent\.com\/[^/]+\/[^/]+\/main\/(.+)$/.exec(chart.icon) ?? []
  t.ok(existsSync(join(root, path)), chart.icon)
  const icon = read(path)
  t.match(icon, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 128 128"/)
  t.notMatch(icon, /<script|href|onload|<image/, 'the icon has no script, link or embedded image')
  t.ok(statSync(join(root, path)).size < 4_096)
  t.end()
})

t.test('Artifact Hub reads the annotations', (t) => {
  const { annotations } = chart
  t.equal(annotations['artifacthub.io/license'], 'Apache-2.0')
  t.equal(annotations['artifacthub.io/category'], 'storage')
  t.equal(annotations['artifacthub.io/prerelease'], String(chart.version.includes('-')))
  for (const [name, value] of Object.entries(annotations)) t.type(value, 'string', name)
  const kinds = ['added', 'changed', 'deprecated', 'removed', 'fixed', 'security']
  const changes = listIn('artifacthub.io/changes')
  t.ok(changes.length > 0)
  for (const { kind, description } of changes)
    t.ok(kinds.includes(String(kind)) && String(description).length > 9)
  t.match(listIn('artifacthub.io/images'), [
    { name: 'holdfast', image: `${String(valueAt('image.repository'))}:${chart.appVersion}` },
  ])
  for (const { name, url } of listIn('artifacthub.io/links')) {
    const path = String(url).replace(`${home}/blob/main/`, '')
    t.ok(path === `${home}/issues` || existsSync(join(root, path)), `${String(name)}: ${String(url)}`)
  }
  t.end()
})

t.test('each question of Rancher’s form is a value of the chart, with its default', (t) => {
  t.ok(questions.length > 12)
  for (const { variable, label, description, default: byDefault } of questions) {
    const own = variable === 'config.mode' ? settingFacts.mode.byDefault : valueAt(variable)
    t.equal(byDefault, own, variable)
    t.ok(label.length > 2 && description.length > 9, variable)
  }
  t.end()
})

t.test('Rancher’s form offers what the schema takes', (t) => {
  for (const { variable, type, options = [], default: byDefault } of questions) {
    let at: Schema | undefined = schema
    for (const key of variable.split('.')) at = at?.properties?.[key]
    t.ok(at, variable)
    if (type === 'enum') {
      t.ok(options.includes(String(byDefault)), variable)
      for (const option of options) t.ok(at?.enum?.includes(option), `${variable}: ${option}`)
      t.strictSame(
        at?.enum?.filter((each) => typeof each === 'string' && !options.includes(each)),
        [],
        `${variable}: the form offers every allowed value`,
      )
    } else {
      t.equal(typeof byDefault, { string: 'string', int: 'number', boolean: 'boolean' }[type], variable)
    }
  }
  t.end()
})

t.test('a question is shown by the answer to another one', (t) => {
  const shown = questions.filter(({ show_if }) => show_if !== undefined)
  t.ok(shown.length > 2)
  for (const { variable, show_if } of shown) {
    const [other = '', answer = ''] = show_if?.split('=') ?? []
    const asked = questions.find((each) => each.variable === other)
    t.ok(asked, `${variable}: ${other}`)
    t.ok((asked?.options ?? ['true', 'false']).includes(answer), `${variable}: ${answer}`)
  }
  t.end()
})

t.test('Rancher shows what the chart is, and installs it where it belongs', (t) => {
  t.match(read('charts/holdfast/app-readme.md'), /^# Holdfast\n/)
  t.match(chart.annotations, {
    'catalog.cattle.io/display-name': 'Holdfast',
    'catalog.cattle.io/namespace': 'holdfast',
    'catalog.cattle.io/release-name': 'holdfast',
  })
  for (const [, link = ''] of read('charts/holdfast/app-readme.md').matchAll(/\]\((https:[^)]+)\)/g))
    if (link.startsWith(home)) t.ok(existsSync(join(root, link.slice(`${home}/blob/main/`.length))), link)
  t.end()
})
