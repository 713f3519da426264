import type { Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { openReports, policyReports } from '../../fixtures/report-definitions.ts'
import { askUntil } from '../ask-until.ts'
import { rendered } from '../chart.ts'
import type { Guards, Replica } from '../guards.ts'
import type { RealCluster } from '../real-cluster.ts'
import { cleanUp, evict, longhorn } from '../requests.ts'
import { World } from '../world.ts'

interface Report {
  readonly kind: string
  readonly source?: string
  readonly summary: Readonly<Record<string, number>>
  readonly results: readonly {
    readonly rule: string
    readonly result: string
    readonly severity: string
    readonly message: string
    readonly properties: Readonly<Record<string, string>>
  }[]
}

/** Denials as reports: with the definitions of both kinds, the rights that the chart grants, and two replicas. */
export async function reports(t: Test, cluster: RealCluster, guards: Guards): Promise<void> {
  const world = new World(cluster)
  await world.node('rep', [disk('rep-a'), disk('rep-b')])
  await world.image('rep', [pending('rep-a'), ready('rep-b')])
  const denied = () => evict(cluster, 'rep', 'rep-b', ...longhorn)

  /** Leaves two replicas that were started with these flags. */
  const two = async (...flags: readonly string[]): Promise<readonly Replica[]> => {
    const before = guards.replicas
    const replicas = [await guards.add(...flags), await guards.add(...flags)]
    await Promise.all(before.map((each) => guards.remove(each)))
    return replicas
  }
  /** The report, once it is as wanted; the last look at it otherwise. */
  const reportWhen = async (
    kind: string,
    holds: (report: Report) => boolean,
  ): Promise<Report | undefined> => {
    const get = ['get', kind, 'holdfast', '-n', 'longhorn-system', '-o', 'json']
    const look = async (): Promise<Report | undefined> => {
      const { code, stdout } = await cluster.kubectl(get)
      return code === 0 ? (JSON.parse(stdout) as Report) : undefined
    }
    return await askUntil(look, (report) => report !== undefined && holds(report))
  }
  const define = async (definition: object): Promise<void> => {
    await cluster.must(['apply', '-f', '-'], JSON.stringify(definition))
    await cluster.must([
      'wait',
      '--for=condition=Established',
      'customresourcedefinitions',
      '--all',
      '--timeout=60s',
    ])
  }
  t.teardown(async () => {
    await two()
    const names = ['reports.openreports.io', 'policyreports.wgpolicyk8s.io']
    await cluster.must(['delete', 'customresourcedefinitions', ...names, '--ignore-not-found'])
  })

  t.test('a guard without a kind of report logs that once, and decides as ever', async (t) => {
    const [replica] = await two('--reports', 'auto')
    if (!replica) throw new Error('there is no replica')
    const { err } = await replica.said('the report of denials cannot be written')
    t.match(err, { message: /does not serve Report of openreports\.io\/v1alpha1 or PolicyReport/ })
    t.match(await denied(), { code: 1, stderr: /has to wait: [^]*rule eviction-during-cleanup/ })
  })

  t.test('a guard without the right to write reports logs which right it lacks', async (t) => {
    await define(openReports)
    const [replica] = await two('--reports', 'auto')
    if (!replica) throw new Error('there is no replica')
    const { err } = await replica.said('the report of denials cannot be written')
    t.match(err, { message: /cannot get resource "reports" in API group "openreports\.io"/ })
  })

  t.test('a denied eviction shows as a result, with the rights of the chart', async (t) => {
    const role = parseAllDocuments(rendered(cluster.binaries.helm, 'config.reports=auto'))
      .map((document) => document.toJS() as { kind: string; metadata: { namespace?: string } } | null)
      .find((each) => each?.kind === 'Role' && each.metadata.namespace === 'longhorn-system')
    await cluster.must(['apply', '-f', '-'], JSON.stringify(role))
    t.match(await denied(), { code: 1 })
    const report = await reportWhen('reports.openreports.io', ({ summary }) => (summary.fail ?? 0) > 0)
    t.match(report, {
      kind: 'Report',
      source: 'holdfast',
      // The same eviction is warned of: it leaves too few copies.
      summary: { pass: 0, fail: 1, warn: 1, error: 0, skip: 0 },
    })
    t.match(
      report?.results.find(({ result }) => result === 'fail'),
      {
        source: 'holdfast',
        policy: 'holdfast',
        rule: 'eviction-during-cleanup',
        category: 'manager crash',
        severity: 'medium',
        message: /^evicting rep-b of rep has to wait: /,
        resources: [{ apiVersion: 'longhorn.io/v1beta2', kind: 'Node', name: 'rep' }],
        properties: { user: /longhorn-service-account$/, door: 'webhook', node: 'rep', disk: 'rep-a' },
      },
    )
    const row = await cluster.must(['get', 'reports.openreports.io', '-n', 'longhorn-system'])
    t.match(row, /^NAME +PASS +FAIL +WARN +ERROR +SKIP *\nholdfast +0 +1 +1 +0 +0 *$/m)
  })

  t.test('two replicas write one report, and lose nothing', async (t) => {
    for (let turn = 0; turn < 6; turn += 1) {
      await denied()
      await cleanUp(cluster, 'rep', 'rep-b')
    }
    const isWhole = ({ results }: Report): boolean => {
      const found = results.find(({ rule }) => rule === 'eviction-during-cleanup')
      // The first one is of the test before, and what a guard counts comes in sums.
      return Number(found?.properties.count) === 7 && results.some(({ rule }) => rule === 'last-usable-copy')
    }
    const report = await reportWhen('reports.openreports.io', isWhole)
    t.ok(report && isWhole(report), JSON.stringify(report?.results))
  })

  t.test('the report is a PolicyReport if the API server serves only that', async (t) => {
    await cluster.must(['delete', 'customresourcedefinition', 'reports.openreports.io'])
    await define(policyReports)
    await two('--reports', 'auto')
    await denied()
    t.match(await reportWhen('policyreports.wgpolicyk8s.io', ({ summary }) => (summary.fail ?? 0) > 0), {
      kind: 'PolicyReport',
      results: [{ source: 'holdfast', policy: 'holdfast' }, { source: 'holdfast' }],
    })
  })
}
