import t, { type Test } from 'tap'
import { explore, walk, type Explored } from './explore.ts'
import { report } from './report.ts'
import type { Scenario } from './scenario.ts'
import { overlapping } from './scenarios.ts'

/** Makes sure that what was asked last was admitted in some order of things: else nothing was tried. */
function keepsAndAdmits(t: Test, scenario: Scenario, explored: Explored): number {
  t.equal(explored.counterExample, undefined, report(explored))
  const last = scenario.wishes.at(-1)?.what ?? ''
  t.ok(explored.committed.has(last), `${last} is admitted in the end`)
  return explored.states
}

for (const profile of ['A', 'B'] as const) {
  t.test(`what is over counts until nobody lags any more, on profile ${profile}`, async (t) => {
    let states = 0
    for (const scenario of overlapping(profile)) {
      states += keepsAndAdmits(t, scenario, await explore(scenario, 10))
    }
    t.comment(`${states} states`)
  })

  t.test(`what is over counts for longer after an outage, on profile ${profile}`, async (t) => {
    let states = 0
    for (const scenario of overlapping(profile, { jumps: 6, outages: 1 })) {
      states += keepsAndAdmits(t, scenario, await walk(scenario, 150, 60, 1))
    }
    t.comment(`${states} states`)
  })
}
