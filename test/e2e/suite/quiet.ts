import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Guards } from '../guards.ts'

const kinds = ['Node', 'BackingImage', 'BackingImageDataSource', 'BackingImageManager', 'Replica', 'Setting']

/** A cluster without writes: etcd reports no progress by default, so every watch is silent. */
export function quiet(t: Test, guards: Guards): void {
  t.test('the map of a quiet cluster does not grow too old', async (t) => {
    const maxAge = 4
    const replica = await guards.add('--max-age', `${maxAge}s`)
    t.teardown(() => guards.remove(replica))
    const { healthPort } = await replica.ports()
    const ages: number[] = []
    let metrics = ''
    for (let n = 0; n < 20; n += 1) {
      await wait(500)
      metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
      ages.push(Number(/^holdfast_disk_map_age_seconds (.+)$/m.exec(metrics)?.[1]))
    }
    t.ok(Math.max(...ages) < maxAge, `at most ${Math.max(...ages).toFixed(1)} s`)
    for (const kind of kinds) {
      t.match(metrics, new RegExp(`holdfast_watch_restarts_total{kind="${kind}",reason="silent"} [2-9]`))
    }
  })
  t.end()
}
