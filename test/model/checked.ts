import t, { type Test } from 'tap'
import { depth, thorough } from '../fixtures/thorough.ts'
import { explore, walk, type Explored } from './explore.ts'
import { report } from './report.ts'
import type { Scenario } from './scenario.ts'
import { combinations, overlapping } from './scenarios.ts'

/** Explores scenarios, a test each, and says how many states there were. */
export function exhaustively(t: Test, scenarios: readonly Scenario[], steps: number): void {
  let states = 0
  for (const scenario of scenarios) {
    t.test(scenario.name, async (t) => {
      const explored = await explore(scenario, steps)
      states += explored.states
      keeps(t, explored)
    })
  }
  t.test('states', (t) => {
    t.comment(`${states} states, all within ${steps} steps of ${scenarios.length} scenarios`)
    t.ok(states > scenarios.length)
    t.end()
  })
}

/** Explores scenarios in one test, and says how many states there were. */
export async function together(t: Test, scenarios: readonly Scenario[], steps: number): Promise<void> {
  let states = 0
  for (const scenario of scenarios) {
    const explored = await explore(scenario, steps)
    states += explored.states
    keeps(t, explored)
  }
  t.comment(`${states} states, all within ${steps} steps of ${scenarios.length} scenarios`)
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

/** How many walks are taken before their results are checked. */
const walksAtOnce = depth(10, 100)
const mostWalks = 2_000

/** Everything that can go wrong: lost answers, a crash, an outage, copies that come and go, time that passes. */
const wild = {
  reviews: 3,
  jumps: 4,
  outages: 1,
  crash: true,
  flaky: true,
  losses: true,
  budgetMs: 10_000,
}

/** Any two and three requests at once, in every order of the first steps, and at random with all that can go wrong. */
export function anyRequests(profile: Scenario['profile']): void {
  t.test(`any two requests on profile ${profile}`, async (t) => {
    await together(t, some(combinations(2, profile, {})), depth(3, 4))
    await atRandom(t, some(combinations(2, profile, wild)), depth(1, 4), 1)
  })
  t.test(`any three requests on profile ${profile}`, async (t) => {
    await together(t, some(combinations(3, profile, {})), depth(2, 3))
    await atRandom(t, some(combinations(3, profile, wild)), 1, 2)
  })
}

/** Every twelfth of them, and all of them in the thorough tests. */
function some<T>(scenarios: readonly T[]): T[] {
  return scenarios.filter((_, at) => at % depth(12, 1) === 0)
}

/** An ended change must not meet the next one in a manager that lags, and must not block it for ever. */
export function settles(profile: 'A' | 'B'): void {
  t.test(`an ended change counts until no manager lags, on profile ${profile}`, async (t) => {
    for (const scenario of overlapping(profile)) {
      // Deep enough to admit the last request.
      const steps = scenario.wishes.length === 1 ? 10 : 8
      keepsAndAdmits(t, scenario, await (thorough ? explore(scenario, steps) : untilAdmitted(scenario, 60)))
    }
  })

  t.test(`an ended change counts for longer after an outage, on profile ${profile}`, async (t) => {
    for (const scenario of overlapping(profile, { reviews: 4, jumps: 6, outages: 1 })) {
      keepsAndAdmits(t, scenario, await untilAdmitted(scenario, 60))
    }
  })
}

/** Walks until the last request was admitted in some order of steps, or a promise is broken. */
async function untilAdmitted(scenario: Scenario, steps: number): Promise<Explored> {
  const last = scenario.wishes.at(-1)?.what ?? ''
  for (let seed = 1; ; seed += walksAtOnce) {
    const walked = await walk(scenario, walksAtOnce, steps, seed)
    const over = walked.counterExample !== undefined || walked.committed.has(last) || seed > mostWalks
    if (over) return walked
  }
}

/** Makes sure too that the last request was admitted in some order of steps: otherwise nothing was tried. */
function keepsAndAdmits(t: Test, scenario: Scenario, explored: Explored): void {
  keeps(t, explored)
  const last = scenario.wishes.at(-1)?.what ?? ''
  t.ok(explored.committed.has(last), `${last} is admitted in the end`)
}

function keeps(t: Test, explored: Explored): void {
  t.equal(explored.counterExample, undefined, report(explored))
}
