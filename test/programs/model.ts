import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { allSearches, distribute, work, type Done, type ModelOptions } from './model-jobs.ts'

const profiles = ['A', 'B', 'C'] as const

/** `-- 20` for a short run: so many walks through each scenario. `-- 500 --profile A --jobs 1` for one profile in one process. */
const { positionals, values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    profile: { type: 'string', multiple: true, default: [...profiles] },
    jobs: { type: 'string', default: String(availableParallelism()) },
    /** Of the first walk, to take the walks of another run again. */
    seed: { type: 'string' },
    /** Searches of this name alone, or with this in it: `--only overrides`. */
    only: { type: 'string', default: '' },
    /** True for a worker that gets its tasks from a parent process. */
    child: { type: 'boolean', default: false },
  },
})

const options: ModelOptions = {
  profiles: profiles.filter((each) => values.profile.includes(each)),
  walks: wholeNumber('the number of walks', positionals[0] ?? '500'),
  seed: wholeNumber('--seed', values.seed ?? String(Date.now() % 1_000_000)),
  only: values.only,
}
const jobs = wholeNumber('--jobs', values.jobs)
if (values.profile.some((each) => !profiles.some((profile) => profile === each)))
  throw new Error(`--profile ${values.profile.join(', ')}: there are A, B and C`)
if (jobs < 1) throw new Error('--jobs 0: nothing would be searched')

function wholeNumber(what: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${what} has to be a whole number, but is ${text}`)
  return Number(text)
}

/** The time between two lines of progress, in milliseconds. */
const everyMs = 30_000

/** The counts of one search or of many. */
interface Count {
  states: number
  different: number
  seconds: number
  scenarios: number
}

function add(count: Count, { states, different, seconds }: Done): void {
  count.states += states
  count.different += different
  count.seconds += seconds
  count.scenarios += 1
}

function none(): Count {
  return { states: 0, different: 0, seconds: 0, scenarios: 0 }
}

function say(count: number): string {
  return Math.round(count).toLocaleString('en')
}

function counted({ states, different, seconds, scenarios }: Count): string {
  return `${say(states)} states, ${say(different)} different, in ${say(scenarios)} scenarios; ${say(seconds)} s of CPU, ${say(states / Math.max(seconds, 0.001))} a second`
}

async function main(): Promise<void> {
  const began = performance.now()
  const searches = allSearches(options)
  const counts = searches.map(none)
  const [exhaustive, walks] = [none(), none()]
  const all = searches.reduce((sum, { scenarios }) => sum + scenarios.length, 0)
  if (all === 0) throw new Error(`--only ${options.only}: no search has this in its name`)
  let broken = 0
  const minutes = (): string => ((performance.now() - began) / 60_000).toFixed(1)
  const progress = (): void =>
    console.log(
      `… after ${minutes()} min: ${say(exhaustive.scenarios + walks.scenarios)} of ${say(all)} scenarios, ${say(exhaustive.states + walks.states)} states`,
    )
  console.log(`${say(all)} scenarios, ${jobs} processes, walks from seed ${options.seed} on`)
  const timer = setInterval(progress, everyMs)
  try {
    await distribute(options, jobs, (done) => {
      const [search, count] = [searches[done.search], counts[done.search]]
      if (!search || !count) throw new Error(`there is no search ${done.search}`)
      add(count, done)
      add('depth' in search.how ? exhaustive : walks, done)
      if (done.report !== undefined) {
        broken += 1
        console.log(done.report)
      }
      if (count.scenarios === search.scenarios.length) console.log(`${search.what}: ${counted(count)}`)
    })
  } finally {
    clearInterval(timer)
  }
  console.log(`every order within a depth: ${counted(exhaustive)}`)
  console.log(`random walks: ${counted(walks)}`)
  console.log(
    `${say(exhaustive.states + walks.states)} states, ${say(exhaustive.different + walks.different)} different, ${broken} counter-examples, in ${minutes()} min with ${jobs} processes`,
  )
  process.exitCode = broken > 0 ? 1 : 0
}

if (values.child) work(options)
else await main()
