import t from 'tap'
import { nearestFirst } from '../../src/configuration/layer.ts'

t.test('names that are most like a word come first, and others keep their order', (t) => {
  const known = ['node-1', 'node-12', 'storage-a', 'storage-b']
  t.strictSame(nearestFirst('storage-c', known), ['storage-a', 'storage-b', 'node-1', 'node-12'])
  t.strictSame(nearestFirst('node-13', known).slice(0, 2), ['node-1', 'node-12'])
  t.strictSame(nearestFirst('x', []), [])
  t.end()
})
