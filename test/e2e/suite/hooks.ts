import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { root } from '../../fixtures/root.ts'
import type { RealCluster } from '../real-cluster.ts'

const namespace = 'hooked'
const job = 'hooked-holdfast-point-ui'
const upgrade = [
  ...['upgrade', '--install', 'hooked', `${root}/charts/holdfast`, '--namespace', namespace],
  ...['--create-namespace', '--set', 'webhook.failurePolicy=Ignore,proxy.longhorn.enabled=true'],
]

/** The rights of a hook that points Longhorn's UI at the proxy, and the Lease that hooks make and delete. No controller runs Jobs here, so the tests set how one ends. */
export function hooks(t: Test, cluster: RealCluster): void {
  const rights = async (): Promise<string[]> => {
    const kinds = 'serviceaccounts,roles,rolebindings'
    const names = await cluster.must(['get', kinds, '--all-namespaces', '-o', 'name'])
    return names.split('\n').filter((name) => name.endsWith(`/${job}`))
  }

  // Another group may have left one: a hook makes none where there is one.
  t.before(async () => {
    await cluster.must(['delete', 'lease', 'holdfast-book', '-n', 'longhorn-system', '--ignore-not-found'])
  })

  t.test('the rights of a hook are there while it runs, and go with it', async (t) => {
    const upgraded = cluster.helm([...upgrade, '--timeout', '120s'])
    const waited = AbortSignal.timeout(100_000)
    while ((await cluster.kubectl(['get', 'job', job, '-n', namespace])).code !== 0) {
      waited.throwIfAborted()
      await wait(200)
    }
    t.equal((await rights()).length, 3)
    const now = new Date().toISOString()
    const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
      ...{ type, status: 'True', lastTransitionTime: now, lastProbeTime: now },
    }))
    const status = { startTime: now, completionTime: now, succeeded: 1, conditions }
    await cluster.must([
      ...['patch', 'job', job, '-n', namespace, '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status })],
    ])
    t.match(await upgraded, { code: 0, stderr: '' })
    t.strictSame(await rights(), [])
  })

  t.test('a hook that fails leaves no right behind', async (t) => {
    t.match(await cluster.helm([...upgrade, '--timeout', '5s']), {
      code: 1,
      stderr: /post-upgrade hooks failed/,
    })
    t.strictSame(await rights(), [])
    t.match(await cluster.helm(['uninstall', 'hooked', '--namespace', namespace, '--no-hooks']), { code: 0 })
    await cluster.must(['delete', 'namespace', namespace, '--wait=false'])
    t.equal(await bookOf(cluster), namespace, 'the objects that a hook would have deleted')
    await cluster.must(['delete', 'lease', 'holdfast-book', '-n', 'longhorn-system'])
  })

  t.test('a release deletes no Lease that says where another guard is', async (t) => {
    const plainly = (release: string, where: string) => [
      ...['upgrade', '--install', release, `${root}/charts/holdfast`, '--namespace', where],
      ...['--create-namespace', '--set', 'webhook.failurePolicy=Ignore'],
    ]
    const uninstall = (release: string, where: string) =>
      cluster.helm(['uninstall', release, '--namespace', where])
    // No Deployment runs pods here, so none of these guards ever starts.
    t.match(await cluster.helm(plainly('first', 'first')), { code: 0, stderr: '' })
    t.equal(await bookOf(cluster), 'first', 'one that has not started has its namespace all the same')
    t.match(await cluster.helm(plainly('second', 'second')), { code: 0, stderr: '' })
    t.match(await cluster.helm(plainly('third', 'first')), { code: 0, stderr: '' })
    for (const [release, where] of [
      ['second', 'second'],
      ['third', 'first'],
    ] as const) {
      t.match(await uninstall(release, where), { code: 0 }, release)
      t.equal(await bookOf(cluster), 'first', release)
    }
    t.match(await cluster.helm(plainly('first', 'first')), { code: 0, stderr: '' }, 'an upgrade')
    t.match(await uninstall('first', 'first'), { code: 0 })
    t.equal(await bookOf(cluster), undefined)
  })
  t.end()
}

/** The namespace that Lease holdfast-book names; undefined without that Lease. */
async function bookOf(cluster: RealCluster): Promise<string | undefined> {
  const path = [
    '-n',
    'longhorn-system',
    '-o',
    'jsonpath={.metadata.annotations.holdfast\\.dev/book-namespace}',
  ]
  const { code, stdout } = await cluster.kubectl(['get', 'lease', 'holdfast-book', ...path])
  return code === 0 ? stdout : undefined
}
