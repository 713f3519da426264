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

/** The rights of a hook that points Longhorn's UI at the proxy. Nobody runs Jobs here; the tests say how one ends. */
export function hooks(t: Test, cluster: RealCluster): void {
  const rights = async (): Promise<string[]> => {
    const kinds = 'serviceaccounts,roles,rolebindings'
    const names = await cluster.must(['get', kinds, '--all-namespaces', '-o', 'name'])
    return names.split('\n').filter((name) => name.endsWith(`/${job}`))
  }

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

  t.test('nor does a hook that fails leave a right behind', async (t) => {
    t.match(await cluster.helm([...upgrade, '--timeout', '5s']), {
      code: 1,
      stderr: /post-upgrade hooks failed/,
    })
    t.strictSame(await rights(), [])
    t.match(await cluster.helm(['uninstall', 'hooked', '--namespace', namespace, '--no-hooks']), { code: 0 })
    await cluster.must(['delete', 'namespace', namespace, '--wait=false'])
  })
  t.end()
}
