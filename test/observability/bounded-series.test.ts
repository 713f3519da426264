import { Registry } from 'prom-client'
import t from 'tap'
import { boundedSeries } from '../../src/observability/bounded-series.ts'

/** A registry with one metric of at most two series. */
function registryOf(nodes: () => readonly string[]) {
  const registry = new Registry()
  const read = () => nodes().map((node) => ({ labels: () => ({ node }), value: 1 }))
  boundedSeries(registry, [{ name: 'x', help: 'X.', labelNames: ['node'], read }], 2)
  return async () => (await registry.metrics()).split('\n').filter((line) => /^\w/.test(line))
}

t.test('a metric shows the first of too many series, and counts the others at the same scrape', async (t) => {
  const lines = registryOf(() => ['n1', 'n2', 'n3', 'n4', 'n5'])
  t.strictSame(await lines(), ['x{node="n1"} 1', 'x{node="n2"} 1', 'holdfast_series_left_out{metric="x"} 3'])
})

t.test('a series ends with its object, and a series that was left out takes its place', async (t) => {
  let nodes = ['n1', 'n2', 'n3']
  const lines = registryOf(() => nodes)
  t.match(await lines(), [/n1/, /n2/, 'holdfast_series_left_out{metric="x"} 1'])
  nodes = ['n3']
  t.strictSame(await lines(), ['x{node="n3"} 1', 'holdfast_series_left_out{metric="x"} 0'])
})
