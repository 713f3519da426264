import t from 'tap'
import { atRandom, together } from './checked.ts'
import { combinations } from './scenarios.ts'
import { depth } from '../fixtures/thorough.ts'

/** Everything that can go wrong: lost answers, a crash, copies that come and go, time that passes. */
const wild = { reviews: 3, jumps: 4, outages: 1, crash: true, flaky: true, losses: true, budgetMs: 10_000 }

/** Every sixth of them, and all of them in the thorough tests. */
function some<T>(scenarios: readonly T[]): T[] {
  return scenarios.filter((_, at) => at % depth(6, 1) === 0)
}

for (const profile of ['A', 'B', 'C'] as const) {
  t.test(`any two requests on profile ${profile}`, async (t) => {
    await together(t, some(combinations(2, profile, {})), depth(3, 4))
    await atRandom(t, some(combinations(2, profile, wild)), depth(1, 4), 1)
  })
  t.test(`any three requests on profile ${profile}`, async (t) => {
    await together(t, some(combinations(3, profile, {})), depth(2, 3))
    await atRandom(t, some(combinations(3, profile, wild)), 1, 2)
  })
}
