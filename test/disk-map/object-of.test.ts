import t from 'tap'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'

t.test('an object is found by its kind and name only', (t) => {
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')])
    .source('ubuntu', 'd1', true)
  t.equal(map.object('Node', 'n1'), map.node('n1'))
  t.equal(map.object('BackingImage', 'ubuntu')?.kind, 'BackingImage')
  t.equal(map.object('BackingImageDataSource', 'ubuntu')?.kind, 'BackingImageDataSource')
  t.equal(map.object('Node', 'ubuntu'), undefined)
  t.end()
})
