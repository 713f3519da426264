import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Guards } from '../guards.ts'

const kinds = ['Node', 'BackingImage', 'BackingImageDataSource', 'BackingImageManager', 'Replica', 'Setting']
/** A guard lists what was silent for three fourths of it, and has the rest of it for the list. */
const maxAge = 8
const withinMs = 120_000

/** A cluster without writes: etcd reports no progress by default, so every watch is silent. */
export function quiet(t: Test, guards: Guards): void {
  t.test('the map of a quiet cluster does not grow too old', async (t) => {
    const replica = await guards.add('--max-age', `${maxAge}s`)
    t.teardown(() => guards.remove(replica))
    const { healthPort } = await replica.ports()
    const ages: number[] = []
    const until = performance.now() + withinMs
    let once = [...kinds]
    while (once.length > 0 && performance.now() < until) {
      await wait(500)
      const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
      ages.push(Number(/^holdfast_disk_map_age_seconds (.+)$/m.exec(metrics)?.[1]))
      once = kinds.filter((kind) => silences(metrics, kind) < 2)
    }
    t.strictSame(once, [], 'each kind was listed anew, and again')
    t.ok(Math.max(...ages) < maxAge, `at most ${Math.max(...ages).toFixed(1)} s`)
  })
  t.end()
}

/** How often a kind was listed since its watch was silent. */
function silences(metrics: string, kind: string): number {
  const series = new RegExp(`^holdfast_watch_restarts_total\\{kind="${kind}",reason="silent"\\} (\\d+)$`, 'm')
  return Number(series.exec(metrics)?.[1] ?? 0)
}
