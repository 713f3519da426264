import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import { cleanUp, evict } from './request.ts'
import { olderIgnored, unmarkedTrusted, type Sabotage } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

/** Replica 1 is of an older version until it restarts, replica 2 of the present one. */
const upgrade = (sabotage: Sabotage, more: Partial<Scenario> = {}): Scenario =>
  scenario('a rolling upgrade', 'A', calm, [evict('n1', 'd2'), cleanUp('i1', ['d1'])], {
    older: true,
    restarts: true,
    sabotage,
    ...more,
  })

/** The clean-up by the older version, the eviction by the present one. */
const aside = /Longhorn deletes|^evict.*by replica 1|^clean.*by replica 2|replica 2 restarts/

t.test('the checker finds a crash without the marks of an older version', async (t) => {
  const broken = '=> n1 crashes: a clean-up is pending on d1'
  await finds(t, upgrade(olderIgnored), { broken, seed: 361, leaves: aside })
})

t.test('the checker finds a crash if entries without marks count as marked ones', async (t) => {
  const broken = '=> n1 crashes: a clean-up is pending on d1'
  const leaves =
    /^evict.*by replica 1|^clean.*by replica 2|Longhorn deletes|replica 2 hears of the next (BackingImage|Node)|restarts/
  await finds(t, upgrade(unmarkedTrusted, { reviews: 1 }), { broken, seed: 88, leaves })
})

t.test('an older version and the present one, in any order of things', async (t) => {
  const explored = await explore(upgrade({}), depth(4, 9))
  t.equal(explored.counterExample, undefined, report(explored))
  t.comment(`${explored.states} states`)
  const wild = { losses: true, jumps: 4, crash: true, budgetMs: 10_000, reviews: 3 }
  const walked = await walk(upgrade({}, wild), depth(20, 500), 80, 1)
  t.equal(walked.counterExample, undefined, report(walked))
})
