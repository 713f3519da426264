import { join } from 'node:path'
import type { Test } from 'tap'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { root } from '../../fixtures/root.ts'
import { servicePort } from '../chart.ts'
import { firstVersion, withoutHistory } from '../first-version.ts'
import { Guards } from '../guards.ts'
import { Load } from '../load.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, evict, onlyAboutTheWait } from '../requests.ts'
import { World } from '../world.ts'

const at = { name: 'older-holdfast', namespace: 'older' }
/** How often something is asked: the first version takes long where many requests are about one node. */
const everyMs = 100
const set = (...settings: readonly string[]) => settings.flatMap((setting) => ['--set', setting])

/**
 * From the first version of chart and image to the present one and back, by helm, while requests come in. The replicas are
 * processes of both versions, each with the rights that the chart of the moment gives.
 */
export async function upgrades(t: Test, cluster: RealCluster): Promise<void> {
  if (withoutHistory !== false) {
    t.comment(`skipped: ${withoutHistory}`)
    t.end()
    return
  }
  const older = firstVersion(join(cluster.plane.folder, 'first-version'))
  const world = new World(cluster)
  await world.setting('current-longhorn-version', 'v1.8.0')
  await world.node('u1', [disk('u1-a')])
  await world.node('u2', [disk('u2-a'), disk('u2-b')])
  const helm = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await cluster.helm([...args, '--namespace', at.namespace])
    t.equal(code, 0, stderr)
  }
  const yaml = async () => (await cluster.helm(['get', 'manifest', 'older', '-n', at.namespace])).stdout
  const first = set(`service.port=${servicePort}`, 'image.tag=first')
  await helm('install', 'older', older.chart, '--create-namespace', ...first)
  const template = { ...(await cluster.podTemplate(await yaml(), at)), program: older.program }
  // It has no port for commands.
  const old = { ...template, here: template.here.slice(0, -2) }
  const guards = await Guards.start(old, await cluster.serviceOf(at))
  t.teardown(() => guards.stop())
  await Promise.all([guards.add(), guards.add()])

  /** Requests come in while something is done, and none fails. */
  const withoutLoss = async (t: Test, act: () => Promise<void>): Promise<void> => {
    const load = new Load(cluster.connection, 'u1', 'u1-a', everyMs)
    await act()
    const rate = await load.stop()
    t.comment(`${load.calls} admission calls, ${rate.toFixed(0)} a second, ${load.failures.length} failed`)
    if (load.failures.length > 0) for (const { process } of guards.replicas) t.comment(process.errors)
    t.strictSame(load.failures.slice(0, 3), [])
  }
  /** A request that has to wait does so, and goes on as soon as it may. */
  const holds = async (t: Test, image: string): Promise<void> => {
    await world.image(image, [pending('u2-a'), ready('u1-a')])
    const held = evict(cluster, 'u2', 'u2-b')
    const early = await Promise.race([held, new Promise((resolve) => setTimeout(resolve, 1_500, 'waits'))])
    t.equal(early, 'waits')
    await world.cleanedUp(image, 'u2-a')
    t.match(await held, { code: 0, stderr: onlyAboutTheWait })
    t.match(await calm(cluster, 'u2', 'u2-b'), { code: 0 })
    await world.forgetImages()
  }

  await t.test('helm upgrade from the first version loses no request', async (t) => {
    await withoutLoss(t, async () => {
      const chart = `${root}/charts/holdfast`
      // No manager of Longhorn runs here whose caches could lag.
      const present = set('image.tag=present', 'config.settle=0s')
      await helm('upgrade', 'older', chart, '--reset-then-reuse-values', ...present)
      await guards.rollOut(await cluster.podTemplate(await yaml(), at))
    })
    await holds(t, 'u2-up')
  })

  await t.test('helm rollback to the first version loses none either', async (t) => {
    await withoutLoss(t, async () => {
      await helm('rollback', 'older', '1')
      await guards.rollOut({
        ...old,
        ...(await cluster.podTemplate(await yaml(), at)),
        here: old.here,
        program: older.program,
      })
    })
    await holds(t, 'u2-down')
  })

  await guards.stop()
  await helm('uninstall', 'older', '--no-hooks')
  const remove = (...what: readonly string[]) =>
    cluster.must(['delete', ...what, '-n', 'longhorn-system', '--ignore-not-found'])
  await remove('lease', 'holdfast-book')
  await remove('settings.longhorn.io', 'current-longhorn-version')
  await remove('nodes.longhorn.io', 'u1', 'u2')
}
