import { readFileSync } from 'node:fs'
import { Registry } from 'prom-client'
import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import { DecisionMetrics } from '../../src/observability/decision-metrics.ts'
import { holdMetrics } from '../../src/observability/hold-metrics.ts'
import { stateMetrics } from '../../src/observability/state-metrics.ts'
import { troubleMetrics } from '../../src/observability/trouble-metrics.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, longhornAccount, noon } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { root } from '../fixtures/root.ts'
import { said } from '../fixtures/said.ts'
import { reservation } from '../gate/reservation-book-contract.ts'

const { map } = cluster('v1.8.0')
  .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })])
  .node('n2', [disk('d3')])
  .image('ubuntu', [pending('d1'), ready('d3')])

const signal = new AbortController().signal

/** Everything that a guard shows, with its lines. */
async function page() {
  const registry = new Registry()
  const book = new InProcessBook()
  await book.swap(await book.read('n1', signal), { reservations: [reservation('holdfast-0/1')] }, signal)
  const decisions = new DecisionMetrics(registry, defaultPolicy)
  stateMetrics(registry, {
    version: '1.2.3',
    map,
    profile: () => 'A',
    freshness: { synced: true, ageMs: () => 1_500, seenUpTo: () => '1', unreadable: [] },
    book,
    clockSkew: () => -2.5,
    settling: () => 5,
    clock: { monotonic: () => noon + 60_000 },
    holding: () => 2,
    restarts: () => [{ kind: 'Node', reason: 'closed', count: 3 }],
    certificateExpiry: () => new Date(86_400_000),
    droppedEvents: () => ({ 'too-many': 4 }),
  })
  holdMetrics(registry, { holds: () => [], clock: { monotonic: () => noon } })
  troubleMetrics(registry, {
    map,
    profile: () => 'A',
    policy: defaultPolicy,
    freshness: { synced: true, unreadable: [] },
    denials: { inTheLastHour: () => [] },
    clock: { monotonic: () => noon + 60_000, now: () => noon + 60_000 },
  })
  return { registry, decisions, lines: async () => (await registry.metrics()).split('\n') }
}

t.test('the present state is read at each scrape', async (t) => {
  const { lines } = await page()
  const wanted = [
    'holdfast_info{version="1.2.3",profile="A"} 1',
    'holdfast_holds 2',
    'holdfast_reservations{intent="removal"} 1',
    'holdfast_reservations{intent="eviction"} 0',
    'holdfast_disk_map_synced 1',
    'holdfast_disk_map_age_seconds 1.5',
    'holdfast_unreadable_objects 0',
    'holdfast_pending_cleanups 1',
    'holdfast_settling_nodes 5',
    'holdfast_oldest_pending_cleanup_seconds 60',
    'holdfast_flagged_nodes 1',
    'holdfast_nodes_in_danger 1',
    'holdfast_watch_restarts_total{kind="Node",reason="closed"} 3',
    'holdfast_certificate_expiry_timestamp_seconds 86400',
    'holdfast_events_dropped_total{reason="too-many"} 4',
  ]
  const first = await lines()
  for (const line of wanted) t.ok(first.includes(line), line)
  t.strictSame(await lines(), first, 'a second scrape reads the same values')
})

t.test('decisions are counted by verdict, and findings by rule', async (t) => {
  const { decisions, lines } = await page()
  const finding = { rule: 'last-usable-copy', subjects: [], ...said() } as const
  const refused: Verdict = {
    decision: 'refuse',
    objections: [{ ...finding, effect: 'refuse' }],
    warnings: [{ ...finding, rule: 'below-min-copies', effect: 'warn' }],
  }
  const change = cluster('v1.8.0').toNode('n1', [disk('d1')], { evictionRequested: true })
  decisions.decided(change, refused, { totalMs: 3, heldMs: 0 })
  decisions.decided(change, { decision: 'allow', warnings: [] }, { totalMs: 4_003, heldMs: 4_000 })
  const why = 'not-confirmed'
  decisions.decided(change, { decision: 'unavailable', why, warnings: [] }, { totalMs: 1, heldMs: 0 })
  const seen = await lines()
  const labels = 'kind="Node",door="webhook",dry_run="false"'
  for (const line of [
    `holdfast_decisions_total{verdict="refuse",${labels}} 1`,
    `holdfast_decisions_total{verdict="allow",${labels}} 1`,
    'holdfast_findings_total{rule="last-usable-copy",effect="refuse"} 1',
    'holdfast_findings_total{rule="below-min-copies",effect="warn"} 1',
    'holdfast_unavailable_total{why="not-confirmed"} 1',
    'holdfast_decision_seconds_bucket{le="0.005",verdict="allow"} 1',
    'holdfast_hold_seconds_bucket{le="2.5"} 0',
    'holdfast_hold_seconds_bucket{le="5"} 1',
    'holdfast_hold_seconds_count 1',
  ])
    t.ok(seen.includes(line), line)
})

t.test('each change that passes is counted, however many come between two scrapes', async (t) => {
  const { decisions, lines } = await page()
  const toNode = cluster('v1.8.0').toNode('n1', [disk('d1')], {})
  const dryRun = { ...toNode, request: { ...toNode.request, dryRun: true } }
  const proxied = { ...toNode, request: { ...toNode.request, door: 'proxy-kubernetes' } } as const
  for (const change of [proxied, dryRun, ...Array.from({ length: 600 }, () => toNode), proxied])
    decisions.decided(change, { decision: 'allow', warnings: [] }, { totalMs: 0.25, heldMs: 0 })
  const wanted = [
    'holdfast_decisions_total{verdict="allow",kind="Node",door="webhook",dry_run="false"} 600',
    'holdfast_decisions_total{verdict="allow",kind="Node",door="webhook",dry_run="true"} 1',
    'holdfast_decisions_total{verdict="allow",kind="Node",door="proxy-kubernetes",dry_run="false"} 2',
    'holdfast_decision_seconds_bucket{le="0.0001",verdict="allow"} 0',
    'holdfast_decision_seconds_bucket{le="0.0005",verdict="allow"} 603',
    'holdfast_decision_seconds_count{verdict="allow"} 603',
  ]
  const first = await lines()
  for (const line of wanted) t.ok(first.includes(line), line)
  t.strictSame(await lines(), first, 'a second scrape reads the same values')
})

t.test('a hold is counted as the denial that Longhorn’s account gets', async (t) => {
  const { decisions, lines } = await page()
  const finding = { rule: 'eviction-during-cleanup', effect: 'hold', subjects: [], ...said() } as const
  const change = cluster('v1.8.0').toNode(
    'n1',
    [disk('d1')],
    { evictionRequested: true },
    { actor: longhornAccount },
  )
  decisions.decided(
    change,
    { decision: 'hold', objections: [finding], warnings: [] },
    { totalMs: 1, heldMs: 0 },
  )
  const seen = await lines()
  for (const line of [
    'holdfast_decisions_total{verdict="refuse",kind="Node",door="webhook",dry_run="false"} 1',
    'holdfast_findings_total{rule="eviction-during-cleanup",effect="hold"} 1',
  ])
    t.ok(seen.includes(line), line)
})

t.test('docs/metrics.md has every metric with its help', async (t) => {
  const { registry } = await page()
  const docs = readFileSync(`${root}/docs/metrics.md`, 'utf8')
  const metrics = await registry.getMetricsAsJSON()
  t.ok(metrics.length > 12)
  for (const { name, help } of metrics)
    t.ok(docs.includes(`| \`${name}\` | ${help} |`), `| \`${name}\` | ${help} |`)
})
