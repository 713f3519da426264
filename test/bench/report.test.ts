import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writtenFrom } from '../../bench/report/page.ts'
import { plotOf } from '../../bench/report/plot.ts'
import { readRecord } from '../../bench/report/record.ts'
import { tableOf } from '../../bench/report/table.ts'
import { root } from '../fixtures/root.ts'
import { figure } from './figures.ts'

const ours = figure({
  server: 'holdfast',
  aSecond: 10_334,
  rateShare: 0.81,
  cpuShare: 1.23,
  p99Share: 1.01,
  p99Ms: 19,
})

t.test('the table has a row for each server', (t) => {
  t.equal(
    tableOf('a review that', [figure({}), ours]),
    `| a review that | server | a second | of the bare rate | CPU for each | of the bare CPU | p50 | p99 | of the bare p99 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| raises no danger, 9 KB | bare \`node:https\`, JSON.parse | 12,728 | 1.00 | 74 µs | 1.00 | 3.5 ms | 18.9 ms | 1.00 |
| raises no danger, 9 KB | Holdfast | 10,334 | 0.81 | 74 µs | 1.23 | 3.5 ms | 19.0 ms | 1.01 |
`,
  )
  t.end()
})

t.test('a server that waited for the load could answer more', (t) => {
  const nginx = figure({ server: 'nginx', rateShare: 2.5, coreShare: 0.4 })
  t.match(
    tableOf('a request that', [figure({}), nginx]),
    '| nginx | at least 12,728 | at least 2.50 | 74 µs |',
  )
  const bothWaited = tableOf('a request that', [figure({ coreShare: 0.4 }), nginx])
  t.match(bothWaited, '| nginx | at least 12,728 | 2.50 | 74 µs |')
  t.match(plotOf('Proxies', 'a request that', [figure({ coreShare: 0.4 })]).svg, '≥ 12,728')
  t.end()
})

t.test('a plot says in words what it shows', (t) => {
  const { svg, description } = plotOf('Reviews <on one core>', 'a review that', [figure({}), ours])
  t.equal(
    description,
    'A review that raises no danger, 9 KB: bare node:https, JSON.parse 12,728 a second, p99 18.9 ms; Holdfast 10,334 a second, p99 19.0 ms.',
  )
  t.match(svg, `<desc id="description">${description}</desc>`)
  t.match(svg, '<title id="title">Reviews &lt;on one core></title>')
  t.match(svg, 'prefers-color-scheme: dark')
  t.end()
})

t.test('the longest bar of a plot is the fastest server, and the others are in proportion', (t) => {
  const { svg } = plotOf('Reviews', 'a review that', [
    figure({ aSecond: 10_000 }),
    figure({ aSecond: 2_500 }),
  ])
  t.strictSame(
    [...svg.matchAll(/<rect class="bar[^>]* width="(\d+)"/g)].map(([, width]) => Number(width)),
    [200, 50],
  )
  t.end()
})

t.test('figures are written between their marks, and what was not measured is left as it is', (t) => {
  const page = 'before\n<!-- bench: reviews -->\nold\n<!-- end of bench -->\nafter\n'
  const record = {
    machine: 'One core.',
    reviews: [figure({})],
    proxies: [],
    profiles: [],
    missing: ['nginx is left out.'],
  }
  const written = writtenFrom(page, record)
  t.match(written.page, /^before\n<!-- bench: reviews -->\n\nOne core\.\n\n!\[Reviews on one core\. /)
  t.match(written.page, /\n\nnginx is left out\.\n\n<!-- end of bench -->\nafter\n$/)
  t.strictSame([...written.images.keys()], ['bench-reviews.svg'])
  t.throws(() => writtenFrom('none', record), { message: 'The page has no place for the table' })
  t.end()
})

t.test('docs/performance.md and its pictures show what is on record', (t) => {
  const page = readFileSync(join(root, 'docs/performance.md'), 'utf8')
  const written = writtenFrom(page, readRecord(join(root, 'bench/record.json')))
  t.equal(written.page, page, 'npm run bench -- draw writes it')
  for (const [name, svg] of written.images)
    t.equal(readFileSync(join(root, 'docs/images', name), 'utf8'), svg, 'npm run bench -- draw writes it')
  t.end()
})
