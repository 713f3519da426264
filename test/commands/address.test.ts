import t, { type Test } from 'tap'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import { operatorApi } from '../../src/server/operator-api.ts'
import { guarded } from './guarded-cluster.ts'
import { run } from './holdfast.ts'

/** A replica of that name, without the rest of it. @returns its address */
async function replica(t: Test, name: string): Promise<string> {
  const status = {
    ...{ replica: name, version: '0.1.0', synced: true, diskMapAgeMs: 12, holds: 0, waiting: [] },
    ...{ settleMs: 10_000, settleAfterOutageMs: 90_000, lostAfterMs: 600_000 },
    ...{ pendingCleanups: [], settling: [], callers: null },
    policy: { modes: { 'copy-in-use': 'warn' }, evictionCompletion: 'hold', release: null },
  }
  const api = operatorApi({ recent: new RecentRecords(), status: () => status })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  return `http://127.0.0.1:${portOf(api)}`
}

t.test('the named replicas are asked instead of those of the cluster', async (t) => {
  const { holdfast } = await guarded(t)
  const addresses = ['--address', await replica(t, 'one'), '--address', await replica(t, 'two')]
  const names = ['-o', 'jsonpath={.guard[*].replica}']
  t.match(await holdfast('status', ...addresses, ...names), { code: 0, stdout: /^one two$/, stderr: /^$/ })
  t.match(await holdfast('version', ...addresses, ...names), { code: 0, stdout: /^one two$/ })
  t.match(
    (await holdfast('status', ...addresses)).stdout,
    /^Guard: {4}2 replicas, mode warn: it stops no request$/m,
  )
})

t.test('the command reports a named replica that does not answer', async (t) => {
  const { holdfast } = await guarded(t)
  const nowhere = ['--address', 'http://127.0.0.1:1']
  const why = 'http://127.0.0.1:1, a replica (--address), cannot be asked: '
  const status = await holdfast('status', ...nowhere)
  t.match(status, { code: 0, stdout: /^Guard: {4}unknown/m })
  t.match(status.stderr, why)
  t.match((await holdfast('doctor', ...nowhere)).stdout, why)
})

t.test('every command that asks replicas takes their address, and no other text', async (t) => {
  for (const command of ['status', 'version', 'audit', 'doctor', 'ui', 'evict', 'rescue']) {
    t.match((await run([command, '--help'])).stdout, '--address <url>', command)
    const wrong = await run([command, '--address', '127.0.0.1:8081'])
    t.match(wrong, { code: 2, stderr: /It must be a URL/ }, command)
  }
})
