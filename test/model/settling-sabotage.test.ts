import t from 'tap'
import { finds } from './finds.ts'
import { clear, cleanUp } from './request.ts'
import { noGenerations, noOutages, noSettling } from './sabotage.ts'
import { scenario } from './scenario.ts'
import { flagged, justCleared } from './scenarios.ts'

/** A clear, and then a clean-up, which crash a manager that still has the flagged node in hand. */
const cleared = [clear('n1'), cleanUp('i1', ['d1'])]

for (const [weak, seed] of [
  [scenario('what is over forgotten at once', 'A', flagged, cleared, { sabotage: noSettling }), 7],
  [
    scenario('outages that make no difference', 'A', flagged, cleared, {
      sabotage: noOutages,
      reviews: 3,
      outages: 1,
      jumps: 3,
    }),
    5,
  ],
  // A known limit: once it is fixed, this test fails and shows it.
  [
    scenario('a restart right after an outage', 'A', flagged, cleared, {
      sabotage: { restartsUnaware: true },
      reviews: 3,
      outages: 1,
      restarts: true,
      jumps: 3,
    }),
    5,
  ],
  [
    scenario('a restart that takes what it finds for all there was', 'A', justCleared, cleared.slice(1), {
      sabotage: noGenerations,
    }),
    3,
  ],
] as const) {
  t.test(`the checker finds a crash of a lagging manager with ${weak.name}`, async (t) => {
    await finds(t, weak, { broken: '=> n1 crashes: a clean-up is pending on d1', seed })
  })
}
