import t from 'tap'
import { walk } from './explore.ts'
import { report } from './report.ts'
import { clear, cleanUp } from './request.ts'
import { noGenerations, noOutages, noSettling } from './sabotage.ts'
import { scenario } from './scenario.ts'
import { flagged, justCleared } from './scenarios.ts'

/** A clear, and then a clean-up, which crash a manager that still has the flagged node in hand. */
const cleared = [clear('n1'), cleanUp('i1', ['d1'])]

for (const weak of [
  scenario('what is over forgotten at once', 'A', flagged, cleared, { sabotage: noSettling }),
  scenario('outages that make no difference', 'A', flagged, cleared, {
    sabotage: noOutages,
    reviews: 3,
    outages: 1,
    jumps: 3,
  }),
  scenario('a restart that takes what it finds for all there was', 'A', justCleared, cleared.slice(1), {
    sabotage: noGenerations,
  }),
]) {
  t.test(`with ${weak.name} the checker finds a crash in hands that lag`, async (t) => {
    const found = await walk(weak, 5_000, 60, 1)
    t.match(found.counterExample?.at(-1), '=> n1 crashes: a clean-up is pending on d1', report(found))
    t.comment(`found in walk ${found.runs}: ${found.counterExample?.join('; ')}`)
    const sound = await walk({ ...weak, sabotage: {} }, Math.min(found.runs + 100, 500), 60, 1)
    t.equal(sound.counterExample, undefined, `and without it none in as many walks: ${report(sound)}`)
  })
}
