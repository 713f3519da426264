import t from 'tap'
import { explore, walk } from './explore.ts'
import { report } from './report.ts'
import type { Sabotage } from './replica.ts'
import { cleanUp, evict } from './request.ts'
import { uncompared, unmarked } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

/** A clean-up that is settled while another replica has not heard of it, and an eviction there. */
const settling = (sabotage: Sabotage, more: Partial<Scenario> = {}): Scenario =>
  scenario('an eviction after a clean-up', 'A', calm, [cleanUp('i1', ['d1']), evict('n1', 'd2')], {
    reviews: 1,
    sabotage,
    ...more,
  })

/** The eviction by a replica that hears of no image. */
const behind =
  /^evict.*by replica 1|^clean.*by replica 2|Longhorn deletes|replica 2 hears of the next (BackingImage|Node)/

for (const [name, sabotage] of [
  ['marks that are not written', unmarked],
  ['watch positions that are not compared', uncompared],
] as const) {
  t.test(`with ${name} the checker finds a crash`, async (t) => {
    const found = await walk(settling(sabotage), 5_000, 60, 1, behind)
    t.match(found.counterExample?.at(-1), '=> n1 crashes: a clean-up is pending on d1', report(found))
    t.comment(`found in walk ${found.runs}`)
    const sound = await walk(settling({}), Math.min(500, found.runs + 100), 60, 1, behind)
    t.equal(sound.counterExample, undefined, 'and without it none in as many walks')
  })
}

t.test('a clean-up and an eviction after it, however far each replica has watched', async (t) => {
  const explored = await explore(settling({}), 11)
  t.equal(explored.counterExample, undefined, report(explored))
  t.comment(`${explored.states} states`)
})

t.test('the same with restarts, lost answers, and time that passes', async (t) => {
  const wild = { reviews: 2, restarts: true, losses: true, jumps: 4, budgetMs: 10_000 }
  const walked = await walk(settling({}, wild), 300, 80, 7)
  t.equal(walked.counterExample, undefined, report(walked))
})
