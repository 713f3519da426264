import t from 'tap'
import { binaries } from './binaries.ts'
import { RealCluster } from './real-cluster.ts'
import { chart } from './suite/chart.ts'
import { lifeCycle } from './suite/life-cycle.ts'
import { nobodyAnswers } from './suite/nobody-answers.ts'
import { olderVersion } from './suite/older-version.ts'
import { sharedSuite } from './suite/shared.ts'
import { World } from './world.ts'

// Run by `npm run test:e2e`. Everything is stopped and removed at the end, whatever happens.
const cluster = await RealCluster.start(binaries())
t.comment(cluster.what)
t.teardown(() => cluster.stop())
process.once('SIGINT', () => t.bailout('interrupted'))

await t.test('chart', (t) => chart(t, cluster))
const yaml = await cluster.install()
await new World(cluster).setting('current-longhorn-version', 'v1.8.0')
const guards = await cluster.deploy(yaml)
t.teardown(() => guards.stop())
await Promise.all([guards.add(), guards.add()])
await t.test('shared', (t) => {
  sharedSuite(t, cluster)
  t.end()
})
await t.test('older version', (t) => olderVersion(t, cluster))
await t.test('life cycle', (t) => lifeCycle(t, cluster, guards))
for (const replica of guards.replicas) await guards.remove(replica, 'SIGKILL')
await t.test('nobody answers', (t) => nobodyAnswers(t, cluster))

t.on('end', () => console.log(`${cluster.what}: ${t.counts.pass} passed, ${t.counts.fail} failed`))
t.end()
