import t, { type Test } from 'tap'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { subscribeToLonghorn } from '../../src/sandbox/controllers/cluster-view.ts'
import { Longhorn } from '../../src/sandbox/controllers/longhorn.ts'
import type { Report } from '../../src/sandbox/controllers/report.ts'
import { longhornServiceAccount, resources } from '../../src/sandbox/controllers/resources.ts'
import { seed } from '../../src/sandbox/controllers/seed.ts'
import { entries, object } from '../../src/sandbox/json.ts'

const namespace = 'longhorn-system'

/** The embedded cluster as a user gets it, on the machine's own clock, ten times as fast. */
async function sandbox(t: Test, release: string) {
  const api = await ApiServer.start()
  const admin = api.client({ username: 'admin', groups: ['system:masters'] })
  await seed(admin, Date.now(), { release })
  const reports: Report[] = []
  const happened = new Set<() => void>()
  const subscribe = subscribeToLonghorn((resource, listener) => api.subscribe(resource, listener))
  const longhorn = new Longhorn(
    {
      client: api.client(longhornServiceAccount(namespace)),
      subscribe,
      watch: api.watch,
      report: (report) => {
        reports.push(report)
        for (const listener of happened) listener()
      },
    },
    {
      syncMs: 50,
      copyMs: 200,
      drainMs: 200,
      specLagMs: 50,
      rebuildMs: 300,
      restartMs: 100,
      maxRestartMs: 500,
    },
  )
  t.teardown(async () => {
    await longhorn.stop()
    await api.stop()
  })
  longhorn.start()

  /** Resolves once it holds, looking after each commit and report; the test's time limit ends it if it never does. */
  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    let changes = 0
    let wake = (): void => undefined
    const onChange = () => {
      changes++
      wake()
    }
    const end = subscribe(onChange)
    happened.add(onChange)
    for (let seen = changes; !(await holds()); seen = changes) {
      // A change while it was looked up counts as well.
      if (seen === changes) await new Promise<void>((resolve) => (wake = resolve))
    }
    happened.delete(onChange)
    end()
  }
  async function evict(node: string): Promise<void> {
    const stored = await admin.get(resources.Node, namespace, node)
    t.ok(stored)
    if (stored)
      await admin.update(resources.Node, {
        ...stored,
        spec: { ...object(stored.spec), evictionRequested: true },
      })
  }
  /** True when no copy of any image is left on the disks of this node, not even a pending clean-up. */
  async function isEmpty(node: string): Promise<boolean> {
    const stored = await admin.get(resources.Node, namespace, node)
    const uuids = [...entries(object(stored?.status).diskStatus).values()].map((disk) => disk.diskUUID)
    const images = await admin.list(resources.BackingImage, namespace)
    const held = images.flatMap(({ spec, status }) => [
      ...entries(object(spec).diskFileSpecMap).keys(),
      ...entries(object(status).diskFileStatusMap).keys(),
    ])
    return !held.some((uuid) => uuids.includes(uuid))
  }
  return { admin, longhorn, reports, until, evict, isEmpty }
}

t.test('on release A an eviction crashes the manager, and still completes', async (t) => {
  const { longhorn, reports, until, evict, isEmpty } = await sandbox(t, 'v1.8.0')
  await evict('node-1')
  await until(() => isEmpty('node-1'))
  await until(() => reports.some(({ kind }) => kind === 'recovered'))
  t.ok(longhorn.crashCount('node-1') > 0)
  t.same([...new Set(longhorn.crashes.map(({ node }) => node))], ['node-1'])
  t.same(
    reports.filter(({ kind }) => kind === 'failed' || kind === 'refused'),
    [],
  )
})

t.test(
  'on release C the same eviction ends without a crash, the replicas of another node stay',
  async (t) => {
    const { admin, longhorn, reports, until, evict, isEmpty } = await sandbox(t, 'v1.9.1')
    await evict('node-1')
    await until(() => isEmpty('node-1'))
    t.same(longhorn.crashes, [])
    t.match(await admin.list(resources.Replica, namespace), [{ spec: { nodeID: 'node-2' } }])
    t.same(
      reports.filter(({ kind }) => kind === 'failed' || kind === 'refused'),
      [],
    )
  },
)
