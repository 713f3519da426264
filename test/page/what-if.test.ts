import t from 'tap'
import { whatIf } from '../../src/page/what-if.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { PageWorld, smallCluster } from './page-world.ts'

t.test('commands look at the same cluster as the page', (t) => {
  const world = new PageWorld(smallCluster())
  t.teardown(() => world.trend.stop())
  world.flags = '--context lab --longhorn-namespace storage'
  t.strictSame(whatIf(['n1'], world.source.whatIf).commands, [
    'holdfast evict n1 --context lab --longhorn-namespace storage',
    'holdfast reopen n1 --context lab --longhorn-namespace storage',
  ])
  t.end()
})

t.test('no text of a verdict acts on a screen', (t) => {
  const objects = cluster('v1.8.0\u202e\n')
    .node('n1', [disk('d\u202e1')])
    .node('n2', [disk('d2')])
    .image('ubuntu', [pending('d\u202e1'), ready('d2')])
  const world = new PageWorld(objects)
  t.teardown(() => world.trend.stop())
  const { verdicts } = whatIf(['n1'], world.source.whatIf)
  t.match(verdicts, [
    { decision: 'waits', findings: [{ message: /removed from d1 .* crashes the longhorn-manager of n1/ }] },
  ])
  t.notMatch(JSON.stringify(verdicts), /[\u202e]|\\n/)
  t.end()
})
