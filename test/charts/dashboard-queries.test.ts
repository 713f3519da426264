import t, { type Test } from 'tap'
import { read } from '../docs/pages.ts'
import { foreign } from './foreign-metrics.ts'
import { input, play, promtool, type Series, skip } from './promtool.ts'
import { rareMetrics, seriesIn, type ServedSeries, troubledMetrics } from './served-metrics.ts'

interface Target {
  readonly expr: string
  readonly format?: string
  readonly legendFormat?: string
}

const dashboard = JSON.parse(read('charts/holdfast/dashboards/holdfast.json')) as {
  readonly panels: readonly { readonly targets: readonly Target[] }[]
}
const targets = dashboard.panels.flatMap((panel) => panel.targets)

/** What a scrape adds, as the ServiceMonitor makes it. */
const scraped = 'namespace="holdfast",service="holdfast",pod="holdfast-a"'

/** A series as Prometheus stores it. Counters grow. */
function stored({ name, labels, value }: ServedSeries): Series {
  const grows = /_(total|bucket|count|sum)$/.test(name)
  return [`${name}{${labels === '' ? scraped : `${labels},${scraped}`}}`, grows ? '0+1x10' : `${value}x10`]
}

/**
 * A series of each metric of a guard and a proxy. What a guard really serves goes before what the same code serves alone.
 */
async function served(t: Test) {
  const pages = [await troubledMetrics(t), await rareMetrics(t.testdir())]
  const [real = [], rare = []] = pages.map((page) =>
    seriesIn(page).filter(({ value }) => Number.isFinite(value)),
  )
  const names = new Set(real.map(({ name }) => name))
  return { pages, series: [...real, ...rare.filter(({ name }) => !names.has(name))] }
}

/** A query with Grafana's variables filled in. */
function filled(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(namespace|deployment)\b/g, 'holdfast')
}

/** The names in a text that are in the first group of a pattern. */
function named(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].flatMap(([, names = '']) => names.split(/,\s*/))
}

const groupedBy = (expr: string): string[] => named(expr, /\b(?:by|on|without) \(([^)]*)\)/g)
const selectedBy = (expr: string): string[] => named(expr, /(\w+) *(?:=~|!=|!~|=)(?=")/g)

/** The labels that a reader sees: those of the legend, or the columns of a table. */
function shownLabels({ expr, format, legendFormat = '' }: Target): string[] {
  return format === 'table' ? groupedBy(expr) : named(legendFormat, /\{\{(\w+)\}\}/g)
}

t.test('queries and alerts ask for what is served', { skip }, async (t) => {
  const { pages, series } = await served(t)

  t.test('every metric that there is has a series here', (t) => {
    for (const [, name = ''] of pages.join('\n').matchAll(/^# TYPE (\S+)/gm))
      t.ok(
        series.some((each) => [name, `${name}_bucket`].includes(each.name)),
        name,
      )
    t.end()
  })

  t.test('promtool finds nothing wrong with the metrics', (t) => {
    for (const page of pages) t.match(promtool(['check', 'metrics'], page), { ok: true, said: /^$/ })
    t.end()
  })

  t.test('every query of the dashboard finds series, with the labels that it shows', (t) => {
    const queries = targets.flatMap((each) => {
      const query = filled(each.expr)
      // vector(1) has no label, so it takes away the series without this one.
      const labelled = shownLabels(each).map((label) => `(${query}) unless on (${label}) vector(1)`)
      return [query, ...labelled]
    })
    t.ok(queries.length > 100)
    const found = queries.map((query) => ({
      expr: `count(${query}) > bool 0`,
      eval_time: '10m',
      exp_samples: [{ labels: '{}', value: 1 }],
    }))
    const name = 'the dashboard'
    const cases = [
      { name, input_series: input([...series.map(stored), ...foreign]), promql_expr_test: found },
    ]
    t.match(play(t.testdir(), [{ rules: [], cases }]), { ok: true })
    t.end()
  })

  t.test('every label that a query or an alert names is one of its metrics', (t) => {
    const rules = read('charts/holdfast/templates/prometheusrule.yaml')
    const alerts = [...rules.matchAll(/^ *expr: (.*)$/gm)].flatMap(([, expr]) => expr ?? [])
    t.ok(alerts.length > 25)
    for (const expr of [...alerts, ...targets.map((each) => each.expr)]) {
      const metrics = new Set(expr.match(/\bholdfast_\w+(?=\{)/g) ?? [])
      const known = new Set(
        series
          .filter(({ name }) => metrics.has(name))
          .flatMap(({ labels }) => named(`${labels},${scraped}`, /(\w+)="/g)),
      )
      if (metrics.size > 0)
        for (const label of [...groupedBy(expr), ...selectedBy(expr)])
          t.ok(known.has(label), `${label} of ${expr}`)
    }
    t.end()
  })
})
