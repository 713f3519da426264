import t from 'tap'
import { observe, type Observed } from '../../../src/commands/status/observe.ts'
import { saysTheSame } from '../../../src/commands/status/status.ts'
import { cluster, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'

function look({ map }: TestCluster, options: Partial<Observed> = {}) {
  return observe({
    map,
    pages: [],
    guard: undefined,
    now: noon + 90_000,
    timeOfDay: options.now ?? noon + 90_000,
    watchingSince: undefined,
    only: new Set(),
    ...options,
  })
}

t.test('time alone changes nothing', (t) => {
  const world = cluster(releases.A)
    .node('n', [disk('d1')])
    .image('i', [pending('d1')])
  const before = look(world)
  t.ok(saysTheSame(before, look(world, { now: noon + 999_000 })))
  const asked = (leftMs: number) => {
    const replica = { replica: 'a', version: '', synced: true, holds: 0, settle: undefined }
    const settling = [{ node: 'n', until: noon + 90_000 + leftMs }]
    return look(world, { guard: [{ ...replica, pendingCleanups: [], settling }] })
  }
  t.ok(saysTheSame(asked(8_000), asked(8_003)), 'a replica that answers later is no news')
  t.notOk(saysTheSame(before, look(world.image('i', [pending('d1', 'unknown')]))))
  t.end()
})
