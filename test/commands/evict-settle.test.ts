import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import type { ReplicaStatus } from '../../src/server/operator-api.ts'
import { run } from './holdfast.ts'
import { inFront } from './in-front.ts'

const forEver = new AbortController().signal

/** The report of a replica, of this version or of one that does not report how long it waits. */
function statusOf(replica: string, settle: Partial<ReplicaStatus>): Partial<ReplicaStatus> {
  const common = { version: '0.1.0', synced: true, diskMapAgeMs: 1, holds: 0 }
  const policy = { modes: defaultPolicy.modes, evictionCompletion: 'hold', release: null }
  return { replica, ...common, pendingCleanups: [], settling: [], policy, ...settle }
}

/** The command line of a cluster that crashes, with replicas of a guard that say this of themselves. */
async function cluster(t: Test, replicas: readonly Partial<ReplicaStatus>[]) {
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 3,
    images: 2,
    longhorn: { drainMs: 50, copyMs: 50, rebuildMs: 50, syncMs: 50, restartMs: 200 },
    report: () => undefined,
  })
  t.teardown(() => sandbox.stop())
  const ports: number[] = []
  const asked = replicas.map(() => 0)
  for (const [at, status] of replicas.entries()) {
    const api = fastify()
    api.get('/status', () => {
      asked[at] = (asked[at] ?? 0) + 1
      return status
    })
    await listen(api, 'test', '127.0.0.1', 0)
    t.teardown(() => api.close())
    ports.push(portOf(api))
  }
  const items = ports.map((_, at) => ({ metadata: { name: `pod-${at}` }, status: { phase: 'Running' } }))
  const pods = (_: string, path: string) => (path.endsWith('/pods') ? ([200, { items }] as const) : undefined)
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, await inFront(t, sandbox.api.url, pods, ports))
  return { sandbox, asked, at: ['--kubeconfig', kubeconfig] }
}

t.test('an eviction asks each replica once, and waits as long as the slowest of them says', async (t) => {
  const { sandbox, asked, at } = await cluster(t, [
    statusOf('a', { settleMs: 100, settleAfterOutageMs: 100 }),
    statusOf('b', { settleMs: 1_400, settleAfterOutageMs: 2_000 }),
  ])
  const guard = await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, forEver, {
    settle: '200ms',
  })
  t.teardown(() => guard.stop())
  const done = await run(['evict', 'node-2', ...at])
  t.equal(done.code, 0, done.stderr)
  t.match(done.stderr, /waiting about 2s until Longhorn has noticed/)
  t.notMatch(done.stderr, 'cannot be asked')
  t.strictSame(asked, [1, 1])
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an eviction takes a node for lost when the slowest of the replicas does', async (t) => {
  const dryRun = async (...lostAfter: (number | undefined)[]) => {
    const replicas = lostAfter.map((lostAfterMs, at) =>
      statusOf(`r${at}`, {
        settleMs: 1,
        settleAfterOutageMs: 1,
        ...(lostAfterMs !== undefined && { lostAfterMs }),
      }),
    )
    const { sandbox, at } = await cluster(t, replicas)
    await sandbox.longhorn.powerOff('node-2')
    const { stderr } = await run(['evict', 'node-2', '--dry-run', ...at])
    return stderr
  }
  const lost = await dryRun(-3_600_000, -7_200_000)
  t.match(lost, 'the eviction of node node-2 does nothing')
  t.notMatch(lost, 'is assumed')
  t.notMatch(await dryRun(-3_600_000, 3_600_000), 'the eviction of node node-2 does nothing')
  t.match(await dryRun(undefined), /the default lostAfter of 10m is assumed: replica r0 is of a version/)
})

const fallbacks = [
  ['no replica runs', [], 'no replica of the guard runs'],
  [
    'a replica does not say it',
    [statusOf('a', { settleMs: 1, settleAfterOutageMs: 1 }), statusOf('old', {})],
    'replica old is of a version',
  ],
] as const

for (const [when, replicas, why] of fallbacks) {
  t.test(`an eviction says that it assumes the default when ${when}`, async (t) => {
    const { at } = await cluster(t, replicas)
    const { stderr } = await run(['evict', 'node-2', '--dry-run', ...at])
    t.match(stderr, 'so the default of 10 s is assumed')
    t.match(stderr, why)
    t.notMatch((await run(['evict', 'node-2', '--dry-run', '--unguarded', ...at])).stderr, 'default of 10 s')
  })
}
