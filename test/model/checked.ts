import type { Test } from 'tap'
import { explore, walk, type Explored } from './explore.ts'
import { report } from './report.ts'
import type { Scenario } from './scenario.ts'

/** Explores scenarios, a test each, and says how many states there were. */
export function exhaustively(t: Test, scenarios: readonly Scenario[], depth: number): void {
  let states = 0
  for (const scenario of scenarios) {
    t.test(scenario.name, async (t) => {
      const explored = await explore(scenario, depth)
      states += explored.states
      keeps(t, explored)
    })
  }
  t.test('states', (t) => {
    t.comment(`${states} states, all within ${depth} steps of ${scenarios.length} scenarios`)
    t.ok(states > scenarios.length)
    t.end()
  })
}

/** Explores scenarios in one test, and says how many states there were. */
export async function together(t: Test, scenarios: readonly Scenario[], depth: number): Promise<void> {
  let states = 0
  for (const scenario of scenarios) {
    const explored = await explore(scenario, depth)
    states += explored.states
    keeps(t, explored)
  }
  t.comment(`${states} states, all within ${depth} steps of ${scenarios.length} scenarios`)
}

/** Walks at random through scenarios, and says how many states there were. */
export async function atRandom(
  t: Test,
  scenarios: readonly Scenario[],
  walks: number,
  seed: number,
): Promise<void> {
  let states = 0
  for (const [at, scenario] of scenarios.entries()) {
    const explored = await walk(scenario, walks, 120, seed + at)
    states += explored.states
    keeps(t, explored)
  }
  t.comment(
    `${states} states in ${walks * scenarios.length} walks through ${scenarios.length} scenarios, seed ${seed}`,
  )
}

function keeps(t: Test, explored: Explored): void {
  t.equal(explored.counterExample, undefined, report(explored))
}
