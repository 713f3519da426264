import { explore, walk, type Explored } from '../model/explore.ts'
import { report } from '../model/report.ts'
import { combinations, overlapping, pairs } from '../model/scenarios.ts'
import type { Scenario } from '../model/scenario.ts'

/** Deeper than the tests go: as many as fit in ten minutes on one core. */
const pairDepth = 12
const combinationDepth = 6
const walks = 60

const wild = { reviews: 3, jumps: 4, outages: 1, crash: true, flaky: true, losses: true, budgetMs: 10_000 }

let [states, broken] = [0, 0]
const began = performance.now()

function count(explored: Explored): void {
  states += explored.states
  if (explored.counterExample === undefined) return
  broken += 1
  console.log(report(explored))
}

async function phase(
  what: string,
  scenarios: readonly Scenario[],
  go: (scenario: Scenario, at: number) => Promise<Explored>,
) {
  const before = states
  for (const [at, scenario] of scenarios.entries()) count(await go(scenario, at))
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(`${what}: ${states - before} states in ${scenarios.length} scenarios; ${seconds} s so far`)
}

for (const profile of ['A', 'B', 'C'] as const) {
  const twice = pairs(profile).map((scenario) => ({ ...scenario, reviews: 2 }))
  await phase(`orderings on profile ${profile}, all within ${pairDepth} steps`, twice, (scenario) =>
    explore(scenario, pairDepth),
  )
  if (profile !== 'C') {
    await phase(
      `what is over on profile ${profile}, all within ${pairDepth} steps`,
      overlapping(profile),
      (scenario) => explore(scenario, pairDepth),
    )
    const outages = overlapping(profile, { reviews: 4, jumps: 6, outages: 2, crash: true, flaky: true })
    await phase(
      `what is over, with outages, on profile ${profile}, 2,000 random walks each`,
      outages,
      (scenario, at) => walk(scenario, 2_000, 80, at),
    )
  }
  for (const size of [2, 3] as const) {
    const tame = combinations(size, profile, {})
    await phase(
      `any ${size} requests on profile ${profile}, all within ${combinationDepth} steps`,
      tame,
      (scenario) => explore(scenario, combinationDepth),
    )
    const random = combinations(size, profile, wild)
    const seed = Date.now() % 1_000_000
    await phase(
      `any ${size} requests on profile ${profile}, ${walks} random walks each (seed ${seed})`,
      random,
      (scenario, at) => walk(scenario, walks, 120, seed + at),
    )
  }
}
console.log(`${states} states, ${broken} counter-examples`)
process.exitCode = broken > 0 ? 1 : 0
