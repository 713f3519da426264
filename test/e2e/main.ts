import t from 'tap'
import { binaries } from './binaries.ts'
import { RealCluster } from './real-cluster.ts'
import { sharedSuite } from './suite/shared.ts'
import { World } from './world.ts'

// Run by `npm run test:e2e`; an argument is a part of the names of the tests to run.
const [only = ''] = process.argv.slice(2)
const cluster = await RealCluster.start(binaries())
t.comment(cluster.what)
try {
  const yaml = await cluster.install()
  await new World(cluster).setting('current-longhorn-version', 'v1.8.0')
  const guards = await cluster.deploy(yaml)
  try {
    await Promise.all([guards.add(), guards.add()])
    await t.test('shared', (t) => {
      sharedSuite(t, cluster)
      t.end()
    })
  } finally {
    await guards.stop()
  }
} finally {
  await cluster.stop()
}
t.end()
console.log(`${cluster.what}: ${t.counts.pass} passed, ${t.counts.fail} failed ${only}`)
