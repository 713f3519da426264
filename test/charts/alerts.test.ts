import t from 'tap'
import { stringify } from 'yaml'
import { cases } from './alert-cases.ts'
import { type Alert, rendered } from './manifest.ts'
import { type Case, input, play, promtool, type Series, skip } from './promtool.ts'
import { set } from './rendered.ts'

/** An alert as the chart makes it. */
interface Rule extends Alert {
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
}

/** All alerts that there can be, as the chart makes them. */
function rules(): Rule[] {
  const proxies = ['proxy.longhorn.enabled=true', 'proxy.kubernetes.enabled=true']
  const { all } = rendered(
    set('prometheusRule.enabled=true', ...proxies, 'proxy.kubernetes.tls.secretName=tls'),
  )
  const made = all.find(({ kind }) => kind === 'PrometheusRule')
  return (made?.spec?.groups ?? []).flatMap((group) => group.rules) as Rule[]
}

/** When alerts are looked at: each has lasted for longer than its `for` then. */
const at = '3h'

/** A text with what Prometheus puts in. */
function filled(text: string, labels: Readonly<Record<string, string>>, value = ''): string {
  return text
    .replaceAll(
      /\{\{ if \$labels\.(\w+) \}\}(.*?)\{\{ else \}\}(.*?)\{\{ end \}\}/g,
      (_, name: string, one: string, other: string) => (labels[name] ? one : other),
    )
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '')
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, value)
}

/** The alert of this name. */
function ruleOf(all: readonly Rule[], name: string): Rule {
  const rule = all.find(({ alert }) => alert === name)
  if (!rule) throw new Error(`there is no alert ${name}`)
  return rule
}

/** What an alert names when it fires. */
interface Named {
  readonly labels?: Readonly<Record<string, string>>
  readonly value?: string
}

/** The texts of an alert as people get them. */
function annotationsOf({ annotations }: Rule, { labels = {}, value }: Named): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([key, text]) => [key, filled(text, labels, value)] as const),
  )
}

/** In the end the alerts of a rule are these. */
function caseOf(rule: Rule, series: readonly Series[], expected: readonly Named[]): Case {
  const alerts = expected.map((named) => ({
    exp_labels: { ...rule.labels, ...named.labels },
    exp_annotations: annotationsOf(rule, named),
  }))
  return {
    name: rule.alert,
    input_series: input(series),
    alert_rule_test: [{ eval_time: at, alertname: rule.alert, exp_alerts: alerts }],
  }
}

t.test('promtool finds nothing wrong with the alerts', { skip }, (t) => {
  const text = stringify({ groups: [{ name: 'holdfast', rules: rules() }] })
  t.match(promtool(['check', 'rules', '--lint=all', '--lint-fatal'], text), { ok: true, said: /SUCCESS/ })
  t.end()
})

t.test('every alert is tried', { skip }, (t) => {
  t.strictSame(new Set(Object.keys(cases)), new Set(rules().map(({ alert }) => alert)))
  t.end()
})

t.test('an alert fires, and its text is filled in', { skip }, (t) => {
  const all = rules()
  const played = Object.entries(cases).map(([name, { fires, ...named }]) => {
    const rule = ruleOf(all, name)
    return { rules: [rule], cases: [caseOf(rule, fires, [named])] }
  })
  t.match(play(t.testdir(), played), { ok: true })
  t.end()
})

t.test('an alert is quiet while all is well, and ends with its cause', { skip }, (t) => {
  const all = rules()
  const played = Object.entries(cases).map(([name, { quiet }]) => {
    const rule = ruleOf(all, name)
    return { rules: [rule], cases: [caseOf(rule, quiet, [])] }
  })
  t.match(play(t.testdir(), played), { ok: true })
  t.end()
})

t.test('the text of an alert names the node, the disk, the image and the user', { skip }, (t) => {
  const all = rules()
  const names = ['node', 'disk', 'image', 'user', 'change', 'cause', 'kind', 'name', 'pod']
  for (const [alert, named] of Object.entries(cases)) {
    const { summary = '', description = '' } = annotationsOf(ruleOf(all, alert), named)
    for (const [name, value] of Object.entries(named.labels ?? {}))
      if (names.includes(name)) t.ok(`${summary} ${description}`.includes(value), `${alert}: ${name}`)
  }
  t.equal(
    annotationsOf(ruleOf(all, 'HoldfastNodeInDanger'), cases.HoldfastNodeInDanger ?? {}).summary,
    'Longhorn node node-1 is in danger: an eviction and a pending clean-up have met',
  )
  t.end()
})

t.test('an alert about a disk that no node has names the UUID of the disk', { skip }, (t) => {
  const rule = ruleOf(rules(), 'HoldfastCleanupDoesNotEnd')
  const series =
    'holdfast_pending_cleanup_age_seconds{namespace="holdfast",disk_uuid="uuid-1",image="ubuntu"}'
  const named = { labels: { disk_uuid: 'uuid-1', image: 'ubuntu' }, value: '2h 0m 0s' }
  t.match(play(t.testdir(), [{ rules: [rule], cases: [caseOf(rule, [[series, '7200x180']], [named])] }]), {
    ok: true,
  })
  t.match(annotationsOf(rule, named).summary, 'uuid-1, which no node has')
  t.end()
})
