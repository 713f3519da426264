import t from 'tap'
import { mergeResults } from '../../../src/kubernetes/reports/merge-results.ts'
import { denial } from './reporting.ts'

const { at } = denial('node-1')
const limits = { results: 10, bytes: 100_000, keepMs: 60_000, seriesMs: 600_000 }
const merging = { namespace: 'longhorn-system', now: at, limits }
const timestamp = { seconds: at / 1_000 }

t.test('a stored result without an identity is left out', (t) => {
  const known = { timestamp, properties: { resultID: 'node-2-1', count: '3' } }
  const foreign = [{ timestamp }, { timestamp, properties: {} }, { timestamp, properties: { resultID: '' } }]
  t.strictSame(mergeResults([...foreign, known], [], merging), [known])
  t.end()
})

t.test('a stored result without an identity is in no series', (t) => {
  const [merged, ...others] = mergeResults(
    [{ timestamp, properties: { count: '3' } }],
    [denial('node-1')],
    merging,
  )
  t.match(merged, { properties: { resultID: `node-1-${at / 1_000}`, count: '1' } })
  t.strictSame(others, [])
  t.end()
})
