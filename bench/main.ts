// Run by `npm run bench`: what a review costs beside a bare server. `-- quick` takes a minute, `-- write` puts the table into
// docs/performance.md. It fails if Holdfast reaches less than half of the rate that it reached when this was written.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { measureReviews, type Result } from './review.ts'

/** Half of the rate on two cores with Node 24. Noise does not go that far. */
const leastShare = { passes: 0.42, denied: 0.45 } as const

const what = { passes: 'raises no danger, 9 KB', denied: 'is denied again, 6 KB' } as const

const servers: Readonly<Record<Result['name'], string>> = {
  bare: 'bare `node:https`, JSON.parse',
  fastify: 'fastify with ajv',
  holdfast: 'Holdfast',
}

const quick = process.argv.includes('quick')
const results = await measureReviews(quick ? 8 : 60)
const text = `${[heading(), ...results.map(row)].join('\n')}\n`
process.stdout.write(text)
if (process.argv.includes('write')) write(text)
const slow = results.filter(
  ({ name, question, rateShare }) => name === 'holdfast' && rateShare < leastShare[question],
)
for (const { question, rateShare } of slow)
  console.error(`A review that ${what[question]}, reaches ${rateShare.toFixed(2)} of the bare server's rate.`)
process.exit(slow.length > 0 ? 1 : 0)

function heading(): string {
  return [
    '| a review that | server | a second | of the bare rate | CPU for each | p50 | p99 |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ].join('\n')
}

function row({ question, name, aSecond, cpuUs, p50Ms, p99Ms, rateShare }: Result): string {
  const cells = [
    what[question],
    servers[name],
    Math.round(aSecond).toLocaleString('en'),
    rateShare.toFixed(2),
    `${cpuUs.toFixed(0)} µs`,
    `${p50Ms.toFixed(1)} ms`,
    `${p99Ms.toFixed(1)} ms`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** Writes the table where the page has a place for it. */
function write(table: string): void {
  const path = join(import.meta.dirname, '../docs/performance.md')
  const [before, after] = ['<!-- bench: reviews -->\n', '<!-- end of bench -->']
  const page = readFileSync(path, 'utf8')
  const [from, to] = [page.indexOf(before) + before.length, page.indexOf(after)]
  if (from < before.length || to < from) throw new Error(`${path} has no place for the table`)
  const machine = `Measured with Node ${process.version} on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}).`
  writeFileSync(path, `${page.slice(0, from)}\n${machine}\n\n${table}\n${page.slice(to)}`)
}
