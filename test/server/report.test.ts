import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { openReports } from '../fixtures/report-definitions.ts'
import { FakeReportServer } from '../kubernetes/reports/fake-report-server.ts'

/** A guard before the embedded cluster, which has reports besides. */
async function guarded(t: Test, settings: Settings) {
  const sandbox = await embeddedCluster(t, { release: 'v1.8.0', longhorn: { drainMs: 600_000 } })
  const reports = new FakeReportServer(openReports)
  const own = connectTo(sandbox.api.url)
  const connection: Connection = {
    ...own,
    request: (request) =>
      (request.path.startsWith('/apis/openreports.io') ? reports.connection() : own).request(request),
  }
  const lines: string[] = []
  const configuration = configure([
    { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s', hold: '0s' },
    settings,
  ])
  const tls = await certificateFor('localhost')
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const guard = new Guard(configuration, { connection, tls, log })
  const { port } = await guard.start()
  await guard.whenSynced(new AbortController().signal)
  const url = `https://127.0.0.1:${port}/validate`
  await sandbox.client.create(
    {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      plural: 'validatingwebhookconfigurations',
    },
    registration({ url, authorityCert: tls.cert, timeoutSeconds: 10 }),
  )
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= guard.stop())
  t.teardown(stop)
  const patch = async (path: string, spec: object): Promise<number> => {
    const response = await fetch(
      `${sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${path}`,
      {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec }),
      },
    )
    await response.body?.cancel()
    return response.status
  }
  return { sandbox, reports, lines, patch, stop }
}

t.test('a denied eviction and a denied clean-up are results of the report', async (t) => {
  const { sandbox, reports, patch, stop } = await guarded(t, { reports: 'auto' })
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  t.equal(await patch('backingimages/ubuntu-22.04', { diskFileSpecMap: { [uuid]: null } }), 200)
  t.equal(await patch('nodes/node-1', { evictionRequested: true, allowScheduling: false }), 429)
  t.equal(await patch('backingimages/debian-12', { diskFileSpecMap: null }), 403)
  await stop()
  const byRule = new Map(reports.report.results.map((result) => [result.rule, result]))
  t.match(byRule.get('eviction-during-cleanup'), {
    result: 'fail',
    severity: 'medium',
    message: /^evicting node node-1 has to wait: /,
    properties: { count: '1', effect: 'hold' },
  })
  t.match(byRule.get('last-usable-copy'), {
    result: 'fail',
    severity: 'high',
    message: /^removing the copies of debian-12 .* is denied: /,
    properties: { count: '1', effect: 'refuse' },
  })
})

t.test('a report that cannot be written delays and changes no decision', async (t) => {
  const { reports, patch, lines, stop } = await guarded(t, { reports: 'openreports' })
  reports.failing = 403
  t.equal(await patch('backingimages/debian-12', { diskFileSpecMap: null }), 403)
  t.equal(await patch('nodes/node-1', { tags: ['ssd'] }), 200)
  await stop()
  const problems = lines.filter((line) => line.includes('the report of denials cannot be written'))
  t.ok(problems.length > 0 && problems.length <= 1, `${problems.length} lines`)
})

t.test('a guard without the setting looks for no report', async (t) => {
  const { reports, patch, stop } = await guarded(t, {})
  t.equal(await patch('backingimages/debian-12', { diskFileSpecMap: null }), 403)
  await stop()
  t.strictSame(reports.requests, [])
})
