import type { Test } from 'tap'
import { disk, pending, ready, uuid } from '../../fixtures/raw-objects.ts'
import { asLonghorn } from '../as-longhorn.ts'
import { askUntil } from '../ask-until.ts'
import type { Guards } from '../guards.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, cleanUp, evict, onlyAboutTheWait } from '../requests.ts'
import { World } from '../world.ts'

/** Longer than this machine may stand still between a write and the question about it. */
const settleMs = 4_000
const flags = ['--settle', '4s', '--settle-after-outage', '15s']

/** An ended change counts for a while on guards with that setting; all others here use 0s. */
export async function settling(t: Test, cluster: RealCluster, guards: Guards): Promise<void> {
  const before = guards.replicas
  await Promise.all([guards.add(...flags), guards.add(...flags)])
  for (const replica of before) await guards.remove(replica, 'SIGKILL')
  t.teardown(async () => {
    const settled = guards.replicas
    await Promise.all([guards.add(), guards.add()])
    for (const replica of settled) await guards.remove(replica, 'SIGKILL')
  })
  const world = new World(cluster)
  await world.node('sx', [disk('sx-a')])

  const evictAsLonghorn = (node: string, name: string) =>
    asLonghorn(cluster, {
      object: `nodes/${node}`,
      spec: { disks: { [name]: { evictionRequested: true } } },
    })
  const cleanUpAsLonghorn = (image: string, name: string) =>
    asLonghorn(cluster, {
      object: `backingimages/${image}`,
      spec: { diskFileSpecMap: { [uuid(name)]: null } },
    })

  t.test('an eviction right after a clean-up waits until Longhorn has noticed, and passes', async (t) => {
    await world.node('s1', [disk('s1-a'), disk('s1-b')])
    await world.image('s1', [pending('s1-a'), ready('sx-a')])
    t.match(await evictAsLonghorn('s1', 's1-b'), 'is still being removed from')
    const from = performance.now()
    await world.cleanedUp('s1', 's1-a')
    t.match(
      await untilNoticed(() => evictAsLonghorn('s1', 's1-b')),
      /ended only \ds ago[^]*Longhorn may not have noticed yet/,
    )
    const admitted = await evict(cluster, 's1', 's1-b')
    t.match(admitted, { code: 0, stderr: onlyAboutTheWait })
    t.ok(performance.now() - from >= settleMs)
  })

  t.test('a clean-up right after a clear of the flag waits as long, and the clear does not', async (t) => {
    await world.node('s2', [disk('s2-a'), disk('s2-b')])
    await world.image('s2', [ready('s2-a'), ready('sx-a')])
    t.equal((await evict(cluster, 's2', 's2-b')).code, 0)
    t.match(await cleanUpAsLonghorn('s2', 's2-a'), 'an eviction is requested on')
    const from = performance.now()
    t.strictSame((await calm(cluster, 's2', 's2-b')).stderr, '')
    const refused = await untilNoticed(() => cleanUpAsLonghorn('s2', 's2-a'))
    t.match(refused, /the eviction of s2 was cleared only \ds ago/)
    const admitted = await cleanUp(cluster, 's2', 's2-a')
    t.match(admitted, { code: 0, stderr: onlyAboutTheWait })
    t.ok(performance.now() - from >= settleMs)
  })

  t.test('after a restart of the API server an ended change counts for longer', async (t) => {
    await world.node('s3', [disk('s3-a'), disk('s3-b')])
    await world.image('s3', [pending('s3-a'), ready('sx-a')])
    await cluster.plane.crash()
    await world.cleanedUp('s3', 's3-a')
    const refused = await untilNoticed(() => evictAsLonghorn('s3', 's3-b'))
    const seconds = Number(/is allowed in about (\d+)s/.exec(refused)?.[1])
    t.ok(seconds * 1_000 > settleMs, refused)
    t.match(await evict(cluster, 's3', 's3-b'), {
      code: 0,
      stdout: 'node.longhorn.io/s3 patched\n',
      stderr: onlyAboutTheWait,
    })
  })
  t.end()
}

/** Asks until the guard that answers has seen the write before. Its watch is behind, for seconds where the API server was away. */
async function untilNoticed(ask: () => Promise<string>): Promise<string> {
  const isOld = /is still being removed from|an eviction is requested on/
  return await askUntil(ask, (answer) => !isOld.test(answer))
}
