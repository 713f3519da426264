import t, { type Test } from 'tap'
import { binaries } from './binaries.ts'
import { image } from './guards.ts'
import { RealCluster } from './real-cluster.ts'
import { advice } from './suite/advice.ts'
import { apiServerMetrics } from './suite/api-server-metrics.ts'
import { callers } from './suite/callers.ts'
import { chart } from './suite/chart.ts'
import { chartProxies } from './suite/chart-proxies.ts'
import { gitops } from './suite/gitops.ts'
import { holds } from './suite/holds.ts'
import { hooks } from './suite/hooks.ts'
import { inImage } from './suite/image.ts'
import { install } from './suite/install.ts'
import { lifeCycle } from './suite/life-cycle.ts'
import { maintenance } from './suite/maintenance.ts'
import { beforeNobodyLetsGo, nobodyLetsGo } from './suite/meant-to-go.ts'
import { beforeNobodyAnswers, nobodyAnswers } from './suite/nobody-answers.ts'
import { olderVersion } from './suite/older-version.ts'
import { onAnyCluster } from './suite/on-any-cluster.ts'
import { patches } from './suite/patches.ts'
import { proxy } from './suite/proxy.ts'
import { quiet } from './suite/quiet.ts'
import { registrationPolicy } from './suite/registration-policy.ts'
import { releases } from './suite/releases.ts'
import { reports } from './suite/reports.ts'
import { serverSideApply } from './suite/server-side-apply.ts'
import { settling } from './suite/settling.ts'
import { upgrades } from './suite/upgrades.ts'
import { World } from './world.ts'

// Run by `npm run test:e2e`; an argument is part of the name of the only group to run. Everything is stopped and
// removed at the end, whatever happens.
const [only = ''] = process.argv.slice(2)
let what = 'no kube-apiserver'
// A replica takes 10 s to leave, an authority a minute to be replaced.
const timeout = 15 * 60_000
t.setTimeout(timeout)

t.test('end to end', { timeout }, async (t) => {
  const cluster = await RealCluster.start(binaries())
  t.teardown(() => cluster.stop())
  what = cluster.what
  t.comment(what)
  if (image !== undefined) t.comment(`The guards run in the files of the image in ${image.root}`)
  // The processes to stop, the latest first. A signal stops them too: an etcd or a guard that outlives this run would block
  // the next one.
  const stops = [() => cluster.stop()]
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void stopAll(stops).finally(() => process.exit(1)))
  }

  let groups = 0
  const group = async (name: string, run: (t: Test) => void | Promise<void>): Promise<void> => {
    if (!name.includes(only)) return
    groups += 1
    await t.test(name, run)
  }
  // Longhorn's controllers would work on the objects of all other groups.
  await group('rescue and maintenance', async (t) => {
    const own = await RealCluster.start(binaries())
    t.teardown(() => own.stop())
    await maintenance(t, own)
  })
  await group('proxy', (t) => proxy(t, cluster))
  await group('chart', (t) => chart(t, cluster))
  await group('install', (t) => install(t, cluster))
  await group('hooks', (t) => hooks(t, cluster))
  await group('releases', (t) => releases(t, cluster))
  await group('gitops', (t) => gitops(t, cluster))
  await group('upgrades', (t) => upgrades(t, cluster))
  await group('advice', (t) => advice(t, cluster))
  const yaml = await cluster.install()
  await group('registration policy', (t) => registrationPolicy(t, cluster))
  await new World(cluster).setting('current-longhorn-version', 'v1.8.0')
  const guards = await cluster.deploy(yaml)
  // Before the cluster, which they are connected to.
  t.teardown(() => guards.stop())
  stops.unshift(() => guards.stop())
  // Earlier groups may have left this Lease without marks, and evictions would then list images.
  await cluster.must(['delete', 'lease', 'unowned-disks', '-n', 'holdfast', '--ignore-not-found'])
  await Promise.all([guards.add(), guards.add()])
  const from = image
  if (from !== undefined) await group('image', (t) => inImage(t, cluster, guards, from))
  await group('holds', (t) => holds(t, cluster, guards))
  await group('metrics of the API server', (t) => apiServerMetrics(t, cluster))
  await group('on any cluster', (t) => {
    onAnyCluster(t, cluster)
    t.end()
  })
  await group('server-side apply', (t) => serverSideApply(t, cluster))
  await group('every patch', (t) => patches(t, cluster))
  await group('older version', (t) => olderVersion(t, cluster))
  await group('chart’s proxies', (t) => chartProxies(t, cluster))
  await group('quiet', (t) => quiet(t, guards))
  await group('settling', (t) => settling(t, cluster, guards))
  await group('callers', (t) => callers(t, cluster, guards))
  await group('reports', (t) => reports(t, cluster, guards))
  await group('life cycle', (t) => lifeCycle(t, cluster, guards))
  await beforeNobodyAnswers(cluster)
  await beforeNobodyLetsGo(cluster)
  for (const replica of guards.replicas) await guards.remove(replica, 'SIGKILL')
  await group('meant to go, and nobody answers', (t) => nobodyLetsGo(t, cluster))
  await group('nobody answers', (t) => nobodyAnswers(t, cluster))
  t.ok(groups > 0, `there is a group with ${only} in its name; image takes HOLDFAST_IMAGE`)
})

async function stopAll(stops: readonly (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops) await stop()
}

t.on('end', () => {
  const { pass, fail } = t.counts
  console.log(`${what}: ${pass} passed, ${fail} failed`)
})
