import { parseArgs } from 'node:util'
import { circumstances } from '../model/circumstances.ts'
import { explore, walk, type Explored } from '../model/explore.ts'
import { report } from '../model/report.ts'
import { combinations, overlapping, pairs } from '../model/scenarios.ts'
import type { Scenario } from '../model/scenario.ts'

/** Deeper than the tests go. What cannot be explored to the end is walked through at random. */
const depths = { pairs: 12, circumstances: 6, two: 6, three: 5 }
/** `-- 20` for a short run: so many walks through each scenario. `-- 500 --profile A` for one profile, beside another process. */
const { positionals, values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { profile: { type: 'string', multiple: true, default: ['A', 'B', 'C'] } },
})
const walks = Number(positionals[0] ?? 500)
const walkSteps = 120

const wild = { reviews: 3, jumps: 4, outages: 1, crash: true, flaky: true, losses: true, budgetMs: 10_000 }

const total = { states: 0, different: 0, broken: 0 }
const seed = Date.now() % 1_000_000

/** The time that this process has computed, in seconds. */
function seconds(): number {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1_000_000)
}

function say(count: number): string {
  return count.toLocaleString('en')
}

function keep({ counterExample, ...explored }: Explored): void {
  if (counterExample === undefined) return
  total.broken += 1
  console.log(report({ ...explored, counterExample }))
}

/** What came of all scenarios of a phase: how many states, and how many of them different within their scenario. */
async function phase(
  what: string,
  scenarios: readonly Scenario[],
  go: (scenario: Scenario, at: number) => Promise<readonly [states: number, different: number]>,
) {
  let [states, different] = [0, 0]
  for (const [at, scenario] of scenarios.entries()) {
    const counted = await go(scenario, at)
    states += counted[0]
    different += counted[1]
  }
  total.states += states
  total.different += different
  console.log(
    `${what}: ${say(states)} states, ${say(different)} different, in ${scenarios.length} scenarios; ${seconds()} s of CPU so far`,
  )
}

async function toTheEnd(what: string, scenarios: readonly Scenario[], depth: number): Promise<void> {
  await phase(`${what}, all within ${depth} steps`, scenarios, async (scenario) => {
    const explored = await explore(scenario, depth)
    keep(explored)
    return [explored.states, explored.states]
  })
}

async function atRandom(what: string, scenarios: readonly Scenario[], each: number): Promise<void> {
  await phase(`${what}, ${each} random walks each (seed ${seed})`, scenarios, async (scenario, at) => {
    const seen = new Set<string>()
    const walked = await walk(scenario, each, walkSteps, seed + at, { seen })
    keep(walked)
    return [walked.states, seen.size]
  })
}

for (const profile of (['A', 'B', 'C'] as const).filter((each) => values.profile.includes(each))) {
  const on = `on profile ${profile}`
  const twice = pairs(profile).map((scenario) => ({ ...scenario, reviews: 2 }))
  await toTheEnd(`orderings ${on}`, twice, depths.pairs)
  if (profile !== 'C') {
    await toTheEnd(`what is over ${on}`, overlapping(profile), depths.pairs)
    const outages = overlapping(profile, { reviews: 4, jumps: 6, outages: 2, crash: true, flaky: true })
    await atRandom(`what is over, with outages, ${on}`, outages, 2 * walks)
    for (const [what, scenarios] of circumstances(profile)) {
      await toTheEnd(`${what} ${on}`, scenarios, depths.circumstances)
      await atRandom(`${what} ${on}`, scenarios, 2 * walks)
    }
  }
  for (const size of [2, 3] as const) {
    const what = `any ${size} requests ${on}`
    await toTheEnd(what, combinations(size, profile, {}), size === 2 ? depths.two : depths.three)
    await atRandom(what, combinations(size, profile, wild), walks)
  }
}
if (total.states === 0) throw new Error(`--profile ${values.profile.join(', ')}: there are A, B and C`)
console.log(
  `${say(total.states)} states, ${say(total.different)} of them different, ${total.broken} counter-examples, ${seconds()} s of CPU`,
)
process.exitCode = total.broken > 0 ? 1 : 0
