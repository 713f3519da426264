import t from 'tap'
import { saysTheSame } from '../../../src/commands/status/status.ts'
import { cluster, noon, releases } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { look, quietReplica } from './look.ts'

t.test('time alone changes nothing', (t) => {
  const world = cluster(releases.A)
    .node('n', [disk('d1')])
    .image('i', [pending('d1')])
  const before = look(world)
  t.ok(saysTheSame(before, look(world, { now: noon + 999_000 })))
  const asked = (leftMs: number) => {
    const settling = [{ node: 'n', until: noon + 90_000 + leftMs }]
    return look(world, { guard: [{ ...quietReplica, settling }] })
  }
  t.ok(saysTheSame(asked(8_000), asked(8_003)), 'a replica that answers later is no news')
  t.notOk(saysTheSame(before, look(world.image('i', [pending('d1', 'unknown')]))))
  t.end()
})
