// Run by `npm run test:fuzz -- N`: so many reviews and requests, mangled in every way, none of which may crash, hang or
// get around the guard. `--seed S` tries others, `--only NUMBER` has a case again that was found before.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { batchSize, campaign, proxiesEvery, type Campaign, type CampaignOptions } from './campaign.ts'
import { Surprises } from './surprises.ts'

/** The messages to a worker, and its result. */
type Share = Pick<CampaignOptions, 'seed' | 'first' | 'batches' | 'proxiesEvery'>
interface Said {
  readonly cases: Campaign['cases']
  readonly slowest: Campaign['slowest']
  readonly heap: Campaign['heap']
  readonly cpuMs: number
  readonly violations: readonly {
    readonly number: number | undefined
    readonly law: string
    readonly input: string
  }[]
  readonly surprises: readonly string[]
}

if (process.send) {
  process.once('message', (share: Share) => void work(share))
  process.once('disconnect', () => process.exit(1))
} else await main()

async function work(share: Share): Promise<void> {
  const said = await campaignOf(share)
  process.send?.(said, () => process.exit(0))
}

/** Also reports uncaught errors, which a test would see by itself. */
async function campaignOf(share: Share): Promise<Said> {
  const surprises = new Surprises()
  surprises.listen()
  const { violations, ...came } = await campaign(share)
  const found = violations.map(({ number, message, input }) => ({ number, law: message, input }))
  const { user, system } = process.cpuUsage()
  return { ...came, violations: found, surprises: surprises.happened, cpuMs: (user + system) / 1_000 }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: 'string' }, only: { type: 'string' }, workers: { type: 'string' } },
  })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const began = performance.now()
  const said =
    values.only === undefined
      ? await shared(seed, Number(positionals[0] ?? 20_000), Number(values.workers ?? availableParallelism()))
      : [await repeated(seed, Number(values.only))]
  report(seed, said, (performance.now() - began) / 1_000)
}

/** The cases that share a cluster with one, which is what it depends on. Twice, since the first ones are not measured. */
async function repeated(seed: number, number: number): Promise<Said> {
  const share = { seed, first: Math.floor(number / batchSize), batches: 1, proxiesEvery }
  await campaignOf(share)
  return await campaignOf(share)
}

/** Each worker has a part of the batches. */
async function shared(seed: number, cases: number, workers: number): Promise<Said[]> {
  const batches = Math.ceil(cases / batchSize)
  const each = Math.ceil(batches / workers)
  const firsts = Array.from({ length: workers }, (_, at) => at * each).filter((first) => first < batches)
  return await Promise.all(
    firsts.map(async (first) => {
      const child = fork(fileURLToPath(import.meta.url), {
        // Most of what is made is garbage at once.
        execArgv: [...process.execArgv, '--max-semi-space-size=64'],
      })
      const message = once(child, 'message')
      const exit = once(child, 'exit')
      child.send({ seed, first, batches: Math.min(each, batches - first), proxiesEvery } satisfies Share)
      const came = await Promise.race([message, exit.then(() => undefined)])
      if (!came) throw new Error(`the worker for the cases from ${first * batchSize} on has died`)
      return came[0] as Said
    }),
  )
}

function report(seed: number, said: readonly Said[], seconds: number): void {
  const sum = (count: (one: Said) => number): number => said.reduce((total, one) => total + count(one), 0)
  const [reviews, proxied] = [sum(({ cases }) => cases.reviews), sum(({ cases }) => cases.proxies)]
  const slowest = said.map((one) => one.slowest).toSorted((a, b) => b.cpuMs - a.cpuMs)[0]
  const heaps = said
    .map(({ heap }) => `${heap.at(0)?.toFixed(1) ?? '?'} → ${heap.at(-1)?.toFixed(1) ?? '?'}`)
    .join(', ')
  const say = (count: number): string => count.toLocaleString('en')
  console.log(
    `seed ${seed}: ${say(reviews)} reviews and ${say(proxied)} requests to proxies in ${seconds.toFixed(1)} s, ${say(Math.round((reviews + proxied) / seconds))} a second, with ${(sum(({ cpuMs }) => cpuMs) / (reviews + proxied)).toFixed(2)} ms of the processor each; the slowest took ${slowest?.cpuMs.toFixed(0)} ms of the processor (number ${slowest?.number}); heap ${heaps} MiB`,
  )
  for (const { violations, surprises } of said) {
    for (const { number, law, input } of violations)
      console.log(
        `\nBROKEN, number ${number} (again: npm run test:fuzz -- --seed ${seed} --only ${number}): ${law}\nsent: ${input.slice(0, 20_000)}`,
      )
    for (const surprise of surprises) console.log(`\nBROKEN: ${surprise}`)
  }
  process.exitCode = said.some((one) => one.violations.length + one.surprises.length > 0) ? 1 : 0
}
