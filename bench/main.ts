// Run by `npm run bench`: what a review and a request through a proxy cost beside the servers that one would take instead.
// `-- quick` compares with the bare servers alone, and fails if Holdfast reaches less than half of what bench/record.json says.
// `-- profile` says what Holdfast and the bare server do with their time, and writes that into the page alone.
// `-- write` keeps the figures there, and writes docs/performance.md and its pictures; `-- draw` writes them from what is
// kept. `--to FOLDER` leaves all of these files alone, and writes them there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster.ts'
import type { Effort, Figure } from './contest/rounds.ts'
import { measureProxies } from './proxies/measure.ts'
import { judge } from './report/judge.ts'
import { writtenFrom } from './report/page.ts'
import { readRecord, type Recorded, writeRecord } from './report/record.ts'
import { profileTable } from './report/profile.ts'
import { tableOf } from './report/table.ts'
import { measureReviews, profileReviews } from './reviews/measure.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { to: { type: 'string' }, rounds: { type: 'string', default: '60' } },
})
const [what = 'all'] = positionals

/** Before so many answers, a third of the CPU that a server takes is compiling (measured with perf on Node 24). */
const whole: Effort = {
  ofAll: true,
  ofProxies: true,
  rounds: Number(values.rounds),
  warmUpAnswers: 40_000,
  warmUpMs: 20_000,
}
const few: Effort = { ofAll: false, ofProxies: true, rounds: 6, warmUpAnswers: 8_000, warmUpMs: 4_000 }

const paths = { record: 'bench/record.json', page: 'docs/performance.md', images: 'docs/images' }
const root = join(import.meta.dirname, '..')
const record = readRecord(join(root, paths.record))

switch (what) {
  case 'all':
    await measure(whole)
    break
  case 'quick': {
    const slow = await judge(async () => {
      const { reviews, proxies } = await measure({ ...few, ofProxies: record.proxies.length > 0 })
      return [...reviews, ...proxies]
    }, [...record.reviews, ...record.proxies])
    for (const sentence of slow) console.error(sentence)
    if (slow.length > 0) process.exitCode = 1
    break
  }
  case 'write':
    write(await measure(whole))
    break
  case 'profile':
    write({ ...record, profiles: await profile() })
    break
  case 'draw':
    write(record)
    break
  default:
    console.error(`npm run bench -- ${what} is none of: quick, write, profile, draw.`)
    process.exitCode = 1
}
// The guards still have their list-watches.
process.exit()

async function measure(effort: Effort): Promise<Recorded> {
  const missing: string[] = []
  const cluster = await startCluster()
  try {
    const reviews = await measureReviews(cluster, effort, missing)
    show('a review that', reviews)
    const proxies = effort.ofProxies ? await measureProxies(cluster, effort, missing) : []
    if (effort.ofProxies) show('a request that', proxies)
    for (const sentence of missing) console.log(sentence)
    return { machine: machine(), reviews, proxies, profiles: record.profiles, missing }
  } finally {
    await cluster.stop()
  }
}

async function profile(): Promise<Recorded['profiles']> {
  const cluster = await startCluster()
  try {
    const profiles = await profileReviews(cluster, whole)
    console.log(profileTable(profiles))
    return profiles
  } finally {
    await cluster.stop()
  }
}

function show(asked: string, figures: readonly Figure[]): void {
  console.log(tableOf(asked, figures))
}

function machine(): string {
  return `Measured with Node ${process.version} on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}).`
}

function write(figures: Recorded): void {
  const to = values.to ?? root
  for (const path of [join(to, dirname(paths.record)), join(to, paths.images)])
    mkdirSync(path, { recursive: true })
  writeRecord(join(to, paths.record), figures)
  // From the digits that are kept, so that `draw` writes the same.
  const kept = readRecord(join(to, paths.record))
  const { page, images } = writtenFrom(readFileSync(join(root, paths.page), 'utf8'), kept)
  writeFileSync(join(to, paths.page), page)
  for (const [name, svg] of images) writeFileSync(join(to, paths.images, name), svg)
}
