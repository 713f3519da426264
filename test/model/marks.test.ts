import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import type { Sabotage } from './sabotage.ts'
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

for (const [name, sabotage, seed] of [
  ['marks that are not written', unmarked, 113],
  ['watch positions that are not compared', uncompared, 113],
] as const) {
  t.test(`the checker finds a crash with ${name}`, async (t) => {
    const broken = '=> n1 crashes: a clean-up is pending on d1'
    await finds(t, settling(sabotage), { broken, seed, leaves: behind })
  })
}

t.test('a clean-up and an eviction after it, whatever each replica has watched', async (t) => {
  const explored = await explore(settling({}), depth(6, 11))
  t.equal(explored.counterExample, undefined, report(explored))
  t.comment(`${explored.states} states`)
})

t.test('the same with restarts, lost answers, and time that passes', async (t) => {
  const wild = { reviews: 2, restarts: true, losses: true, jumps: 4, budgetMs: 10_000 }
  const walked = await walk(settling({}, wild), depth(20, 300), 80, 7)
  t.equal(walked.counterExample, undefined, report(walked))
})
