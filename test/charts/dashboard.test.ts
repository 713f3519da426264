import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { ProxyMetrics } from '../../src/observability/request-metrics.ts'
import { logMetrics, reportMetrics } from '../../src/observability/state-metrics.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { root } from '../fixtures/root.ts'

/** Metrics that the dashboard does not show, and why. */
const notShown: Readonly<Record<string, string>> = {
  holdfast_info: 'it only says which version runs',
  holdfast_disk_map_synced:
    'until every object is read the age of the disk map is infinite, and that is shown',
}

/** Metrics on which there is no alert, and why nobody has to be called because of them. */
const noAlert: Readonly<Record<string, string>> = {
  holdfast_decisions_total: 'to decide is daily business',
  holdfast_findings_total: 'so is to object',
  holdfast_decision_seconds: 'a decision that takes too long counts as one that could not be judged',
  holdfast_hold_seconds: 'holds last as long as clean-ups, on which there is an alert',
  holdfast_holds: 'beyond the most, requests are answered at once and come again',
  holdfast_holds_by_node: 'the same, by node',
  holdfast_hold_left_seconds: 'what is answered then asks again',
  holdfast_info: 'it only says which version runs',
  holdfast_reservations: 'they end by themselves',
  holdfast_settling_nodes: 'they settle by themselves',
  holdfast_flagged_nodes: 'evictions are what people want',
  holdfast_pending_cleanups: 'there is an alert on each that is old',
  holdfast_oldest_pending_cleanup_seconds: 'there is an alert on each that is old, with its name',
  holdfast_nodes_in_danger: 'there is an alert on what has met there, with its name',
  holdfast_node_state: 'evictions and clean-ups are what people want, and danger has an alert',
  holdfast_unreadable_objects: 'there is an alert on each, with its name',
  holdfast_series_left_out: 'what is worst is shown, and has an alert',
  holdfast_disk_map_synced:
    'until every object is read the age of the disk map is infinite, on which there is one',
  holdfast_watch_restarts_total: 'what is not watched grows old, and there is an alert on its age',
  holdfast_delayed_refusals_total: 'there is an alert on denials without end',
  holdfast_audit_reopened_total: 'whoever moves the file has it opened anew, and no record is lost',
  holdfast_bodies_passed_unread_total: 'where nothing is enforced, nothing is kept from passing',
  holdfast_report_dropped_total: 'the log says when the report lacks results, and records have them',
  holdfast_proxy_requests_total: 'to pass requests on is daily business',
  holdfast_proxy_upgraded_connections: 'so are exec and port-forward',
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

const dashboard = JSON.parse(
  readFileSync(`${root}/charts/holdfast/dashboards/holdfast.json`, 'utf8'),
) as Dashboard

/** The metrics that a guard and a proxy serve, each as `name type`. */
async function served(t: Test): Promise<string[]> {
  const options = { port: 0, release: 'v1.8.0', nodes: 1, images: 1, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const configuration = configure([
    {
      host: '127.0.0.1',
      port: 0,
      healthPort: 0,
      operatorPort: 0,
      linger: '0s',
      auditFile: join(t.testdir(), 'audit.log'),
    },
  ])
  const guard = new Guard(configuration, {
    connection: connectTo(sandbox.api.url),
    tls: await certificateFor('localhost'),
    log: createLog('error', { write: () => undefined }),
  })
  t.teardown(() => guard.stop())
  const { healthPort } = await guard.start()
  const ofGuard = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  const registry = new Registry()
  new ProxyMetrics(registry, { tunnels: () => 0 })
  logMetrics(registry, { dropped: { stalled: 0, closed: 0 } })
  reportMetrics(registry, { dropped: { 'too-many': 0 } })
  const lines = `${ofGuard}\n${await registry.metrics()}`.split('\n')
  return lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.slice('# TYPE '.length))
}

t.test(
  'every metric is on the dashboard or is left out for a reason, and docs/metrics.md explains it',
  async (t) => {
    const metrics = await served(t)
    t.ok(metrics.length > 20, 'the metrics of the guard, its Leases and a proxy are read')
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    const shown = new Set(expressions.flatMap((expr) => expr.match(/\bholdfast_\w+/g) ?? []))
    const names = new Set<string>()
    const docs = readFileSync(`${root}/docs/metrics.md`, 'utf8')
    for (const [name = '', type] of metrics.map((line) => line.split(' '))) {
      const series = type === 'histogram' ? `${name}_bucket` : name
      names.add(series)
      t.equal(shown.has(series), notShown[name] === undefined, series)
      t.ok(docs.includes(`| \`${name}\` |`), `${name} in docs/metrics.md`)
    }
    for (const name of shown)
      t.ok(names.has(name), `the dashboard asks for ${name}, and a guard or proxy serves it`)
    for (const name of Object.keys(notShown))
      t.ok(names.has(name), `the list of left-out metrics names ${name}, and a guard or proxy serves it`)
  },
)

t.test('every metric has an alert, or has none for a reason', async (t) => {
  const rules = readFileSync(`${root}/charts/holdfast/templates/prometheusrule.yaml`, 'utf8')
  const expressions = rules.split('\n').filter((line) => line.trimStart().startsWith('expr:'))
  const asked = new Set(expressions.flatMap((expr) => expr.match(/\bholdfast_\w+/g) ?? []))
  const names = new Set((await served(t)).map((line) => line.split(' ')[0] ?? ''))
  for (const name of names) t.equal(asked.has(name), noAlert[name] === undefined, name)
  for (const name of [...asked, ...Object.keys(noAlert)])
    t.ok(names.has(name), `a guard or proxy serves ${name}`)
})

t.test('no two panels of the dashboard have one id, one title or one place', (t) => {
  const { panels } = dashboard
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  t.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  )
  t.equal(new Set(cells).size, cells.length)
  t.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
  t.end()
})
