import { circumstances } from './circumstances.ts'
import { departures } from './departures.ts'
import { exceptions } from './exceptions.ts'
import { explore, walk, type Explored } from './explore.ts'
import { report } from './report.ts'
import type { Scenario } from './scenario.ts'
import { combinations, overlapping, pairs } from './scenarios.ts'

/** Scenarios that are searched through in one way: all within so many steps, or so many random walks. */
export interface Search {
  readonly what: string
  readonly scenarios: readonly Scenario[]
  readonly how: { readonly depth: number } | { readonly walks: number; readonly seed: number }
}

/** The result of the search through one scenario. */
export interface Searched {
  readonly states: number
  /** How many of them are different. */
  readonly different: number
  /** Undefined if every promise was kept. */
  readonly report: string | undefined
}

/** Deeper than in the tests. Random walks go beyond these depths. */
const depths = { pairs: 12, circumstances: 6, departures: 8, two: 6, three: 5 }
const walkSteps = 120

const wild = { reviews: 3, jumps: 4, outages: 1, crash: true, flaky: true, losses: true, budgetMs: 10_000 }
/** The faults of scenarios with objects that go or return. Copies do not turn unknown, which no guard can foresee. */
const rough = { ...wild, flaky: false, restarts: true }

/** All searches on a profile. @param walks through each scenario; where much can go wrong, twice as many */
export function searches(profile: Scenario['profile'], walks: number, seed: number): Search[] {
  const on = `on profile ${profile}`
  const toTheEnd = (what: string, scenarios: readonly Scenario[], depth: number): Search => ({
    what: `${what} ${on}, all within ${depth} steps`,
    scenarios,
    how: { depth },
  })
  const atRandom = (what: string, scenarios: readonly Scenario[], each = 2 * walks): Search => ({
    what: `${what} ${on}, ${each} random walks each`,
    scenarios,
    how: { walks: each, seed },
  })
  const twice = pairs(profile).map((scenario) => ({ ...scenario, reviews: 2 }))
  const overlaps = (of: 'A' | 'B'): Search[] => [
    toTheEnd('what is over', overlapping(of), depths.pairs),
    atRandom(
      'what is over, with outages,',
      overlapping(of, { reviews: 4, jumps: 6, outages: 2, crash: true, flaky: true }),
    ),
    ...circumstances(of).flatMap(([what, scenarios]) => [
      toTheEnd(what, scenarios, depths.circumstances),
      atRandom(what, scenarios),
    ]),
  ]
  const roughly = new Map([...departures(profile, rough), ...exceptions(profile, rough)])
  return [
    toTheEnd('orderings', twice, depths.pairs),
    ...(profile === 'C' ? [] : overlaps(profile)),
    ...[...departures(profile), ...exceptions(profile)].flatMap(([what, scenarios]) => [
      toTheEnd(what, scenarios, depths.departures),
      atRandom(what, roughly.get(what) ?? scenarios),
    ]),
    ...([2, 3] as const).flatMap((size) => [
      toTheEnd(
        `any ${size} requests`,
        combinations(size, profile, {}),
        size === 2 ? depths.two : depths.three,
      ),
      atRandom(`any ${size} requests`, combinations(size, profile, wild), walks),
    ]),
  ]
}

/** Searches through one scenario. @param at its place in the search */
export async function search({ scenarios, how }: Search, at: number): Promise<Searched> {
  const scenario = scenarios[at]
  if (!scenario) throw new Error(`there is no scenario ${at}`)
  if ('depth' in how) {
    const explored = await explore(scenario, how.depth)
    return { states: explored.states, different: explored.states, report: reportOf(explored) }
  }
  const seen = new Set<string>()
  const walked = await walk(scenario, how.walks, walkSteps, how.seed + at, { seen })
  return { states: walked.states, different: seen.size, report: reportOf(walked) }
}

function reportOf(explored: Explored): string | undefined {
  return explored.counterExample === undefined ? undefined : report(explored)
}
