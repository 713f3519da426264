import t from 'tap'
import { atRandom, together } from './checked.ts'
import type { Scenario } from './scenario.ts'
import { combinations } from './scenarios.ts'

/** Everything that can go wrong: lost answers, a crash, copies that come and go, time that passes. */
const wild = { reviews: 3, jumps: 4, crash: true, flaky: true, losses: true, budgetMs: 10_000 }

/** Any two and any three requests on a profile. */
export function combined(profile: Scenario['profile']): void {
  t.test(`any two requests on profile ${profile}`, async (t) => {
    await together(t, combinations(2, profile, {}), 4)
    await atRandom(t, combinations(2, profile, wild), 4, 1)
  })
  t.test(`any three requests on profile ${profile}`, async (t) => {
    await together(t, combinations(3, profile, {}), 3)
    await atRandom(t, combinations(3, profile, wild), 1, 2)
  })
}
