import { join } from 'node:path'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { rescueAnnotation } from '../../src/longhorn/rescue-note.ts'
import { DecisionMetrics } from '../../src/observability/decision-metrics.ts'
import { createLog } from '../../src/observability/log.ts'
import { ProxyMetrics, TrafficMetrics, webhookMetrics } from '../../src/observability/request-metrics.ts'
import { logMetrics, reportMetrics, stateMetrics } from '../../src/observability/state-metrics.ts'
import { troubleMetrics } from '../../src/observability/trouble-metrics.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { auditFileSink } from '../../src/server/audit-file.ts'
import { evicts, without } from '../advice/following.ts'
import { webhooks } from '../advice/served.ts'
import { comesTrue, guarded } from '../commands/guarded-cluster.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { record } from '../observability/records.ts'

/**
 * `/metrics` of a guard in a cluster where much is wrong: a node in danger, clean-ups that cannot end, a request that waits,
 * a denial, an audit file whose folder is not there.
 */
export async function troubledMetrics(t: Test): Promise<string> {
  const settings = { lostAfter: '1h', auditFile: join(t.testdirName, 'no-such-folder', 'records') }
  const { sandbox, ask, metrics } = await guarded(t, { release: 'v1.8.0', images: 2, settings })
  const { client, longhorn, cluster } = sandbox
  for (const node of ['node-1', 'node-3']) await longhorn.powerOff(node)

  // Nothing is judged meanwhile, as with failurePolicy Ignore while no guard answers.
  const stored = await client.get(webhooks, '', 'holdfast')
  if (!stored) throw new Error('there is no registration')
  await client.delete(webhooks, '', 'holdfast')
  await ask('PATCH', 'nodes/node-1', evicts(true))
  await ask('PATCH', 'backingimages/ubuntu-22.04', without(cluster.uuidOf('node-1/disk-1')))
  await ask('PATCH', 'backingimages/debian-12', without(cluster.uuidOf('node-3/disk-1')))
  await client.create(webhooks, { ...stored, metadata: { name: 'holdfast' } })

  await ask('PATCH', 'backingimages/debian-12', { spec: { diskFileSpecMap: null } })
  void ask('PATCH', 'nodes/node-3', evicts(true)).catch(() => undefined)
  await comesTrue(async () => /^holdfast_hold_waited_seconds{/m.test(await metrics()))
  return metrics()
}

/**
 * What no test can bring about there in a moment, by the same code: limits, callers, certificates, proxies, a log that stalls,
 * an audit file that is opened anew, an object that cannot be read, an image that is nowhere, the note of a rescue.
 *
 * @param folder that is empty
 */
export async function rareMetrics(folder: string): Promise<string> {
  const registry = new Registry()
  const log = createLog('fatal', { write: () => undefined })
  const file = auditFileSink({ path: join(folder, 'records'), maxBytes: 1_000_000, keep: 1 }, registry, log)
  await file.write(record(), 1_000)
  file.reopen()
  await file.write(record(), 1_000)
  await file.stop()
  const traffic = new TrafficMetrics(registry, log, () => 0)
  traffic.at('reviews').closed('busy')
  traffic.at('reviews').cut('late')
  traffic.at('reviews').refused('too-large')
  traffic.at('reviews').passed('too-large')
  const proxy = new ProxyMetrics(registry, { tunnels: () => 1 })
  proxy.came('judged')
  proxy.failed(502)
  proxy.unknownCaller('untold')
  logMetrics(registry, { dropped: { stalled: 1, closed: 0 } })
  reportMetrics(registry, { dropped: { 'too-many': 2, rejected: 0 } })
  const callers = { refused: new Map([['no certificate', 1]]), last: { until: 86_400_000 } }
  webhookMetrics(registry, { delayedRefusals: () => 1, callers: () => callers })

  const world = cluster('v1.8.0')
    .node('n1', [disk('d1')], { metadata: { annotations: { [rescueAnnotation]: 'what?' } } })
    .image('lost', [ready('gone')])
  const unreadable = [{ kind: 'Node', name: 'n9', problem: 'spec must be object' }]
  const freshness = { synced: true, ageMs: () => 0, seenUpTo: () => '1', unreadable }
  const sources = {
    map: world.map,
    profile: () => 'A' as const,
    freshness,
    clock: { monotonic: () => noon, now: () => noon },
  }
  troubleMetrics(registry, { ...sources, policy: defaultPolicy, denials: { inTheLastHour: () => [] } })
  stateMetrics(registry, {
    ...sources,
    version: '1.2.3',
    book: new InProcessBook(),
    clockSkew: () => 0,
    settling: () => 0,
    holding: () => 0,
    restarts: () => [{ kind: 'Node', reason: 'closed', count: 3 }],
    droppedEvents: () => ({ 'too-many': 4 }),
  })
  const change = world.toNode('n1', [disk('d1')], { evictionRequested: true })
  const unavailable = { decision: 'unavailable', why: 'not-confirmed', warnings: [] } as const
  new DecisionMetrics(registry, defaultPolicy).decided(change, unavailable, { totalMs: 1, heldMs: 0 })
  return registry.metrics()
}

/** One series as it is served. */
export interface ServedSeries {
  /** With `_bucket`, `_sum` or `_count` for a histogram. */
  readonly name: string
  /** Without braces: `node="n1",state="danger"`. */
  readonly labels: string
  readonly value: number
}

/** Reads a page of metrics. */
export function seriesIn(text: string): ServedSeries[] {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value = '']) => ({
    name,
    labels,
    value: value === '+Inf' ? Infinity : Number(value),
  }))
}
