import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import { cleanUp, evict } from './request.ts'
import { twoBooks, type Sabotage } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

/** Two doors with Leases in two configured namespaces, and two conflicting changes. */
const apart = (sabotage: Sabotage): Scenario =>
  scenario('two books', 'A', calm, [evict('n1', 'd2'), cleanUp('i1', ['d1'])], {
    namespaces: ['holdfast', 'default'],
    sabotage,
  })

/** Steps that do not matter to this. */
const aside = /Longhorn deletes|^evict.*by replica 1|^clean.*by replica 2/

t.test('the checker finds a crash with two books', async (t) => {
  const broken = '=> n1 crashes: a clean-up is pending on d1'
  await finds(t, apart(twoBooks), { broken, seed: 16, leaves: aside })
})

t.test(
  'a door whose Leases are not where the anchor says admits nothing, in any order of things',
  async (t) => {
    const explored = await explore(apart({}), depth(4, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    t.comment(`${explored.states} states`)
    const walked = await walk(apart({}), depth(20, 200), 40, 1)
    t.equal(walked.counterExample, undefined, report(walked))
    t.ok(walked.committed.size > 0, 'the other door admits as ever')
  },
)
