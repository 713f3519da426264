import type { Test } from 'tap'
import { foreign } from '../../charts/foreign-metrics.ts'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, evict, longhorn, patch } from '../requests.ts'
import { World } from '../world.ts'

/** These have no series before a failure: a guard that does not answer, a condition that fails. */
const unseen = [
  'apiserver_admission_webhook_fail_open_count',
  'apiserver_admission_match_condition_evaluation_errors_total',
]

/** The metrics of the API server that alerts and the dashboard query. Unit tests of both assume these names. */
export function apiServerMetrics(t: Test, cluster: RealCluster): void {
  t.test(
    'the API server counts calls of the guard under the names and labels of the dashboard',
    async (t) => {
      const world = new World(cluster)
      await world.node('m1', [disk('m1-a'), disk('m1-b')])
      await world.node('m1x', [disk('m1-c')])
      await world.image('m1', [pending('m1-a'), ready('m1-c')])
      t.match(await evict(cluster, 'm1', 'm1-b', ...longhorn), { code: 1 })
      await world.node('m2', [disk('m2-a')])
      t.match(await evict(cluster, 'm2', 'm2-a'), { code: 0 })
      t.match(await patch(cluster, 'nodes', 'm1', { spec: { tags: ['a'] } }), { code: 0 })
      t.match(await calm(cluster, 'm2', 'm2-a'), { code: 0 })
      await world.forgetImages()
      const lines = (await cluster.must(['get', '--raw', '/metrics'])).split('\n')
      const ours = lines.filter((line) => line.includes('name="guard.holdfast.dev"'))
      for (const [series] of foreign) {
        const [, name = '', labels = ''] = /^(apiserver_\w+)\{(.*)\}$/.exec(series) ?? []
        if (name === '' || unseen.includes(name) || labels.includes('calling_webhook_error')) continue
        const wanted = [...labels.matchAll(/\w+="/g)].map(([label]) => label)
        const found = ours.filter((line) => line.startsWith(`${name}{`))
        t.ok(
          found.some((line) => wanted.every((label) => line.includes(label))),
          series,
          { found },
        )
      }
    },
  )
  t.end()
}
