import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import { cleanUp, evict } from './request.ts'
import { passedOnLate, type Sabotage } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

const throughProxy = { door: 'proxy-longhorn' } as const

/** A clean-up and an eviction that must not meet, through proxies alone, which may stand still before they pass on. */
const wishes = [cleanUp('i1', ['d1'], throughProxy), evict('n1', 'd2', throughProxy)]
const still = (sabotage: Sabotage, more: Partial<Scenario> = {}): Scenario =>
  scenario('a proxy stands still', 'A', calm, wishes, {
    ...{ jumps: 6, budgetMs: 2_000, reviews: 1, sabotage },
    ...more,
  })

/** Leaves out steps that do not matter: the paused proxy is replica 1, and the eviction comes to replica 2. */
const aside =
  /Longhorn deletes|^evict.*by replica 1|^clean.*by replica 2|replica 2 hears of the next [BN]|replica 1 hears/

/** A walk in which the proxy pauses until its reservation is over, and the eviction is admitted meanwhile. */
const tooLate = 1_745

t.test('the checker finds a crash with writes that are forwarded too late', async (t) => {
  const broken = '=> n1 crashes: a clean-up is pending on d1'
  await finds(t, still(passedOnLate), { broken, seed: tooLate, leaves: aside })
})

t.test('a proxy gives up a write that it comes to too late', async (t) => {
  const { committed, counterExample } = await walk(still({}), 1, 60, tooLate, { leaves: aside })
  t.equal(counterExample, undefined)
  t.strictSame([...committed], ['evict d2 of n1'])
})

t.test('a proxy that pauses at any moment breaks no promise', async (t) => {
  const explored = await explore(still({}), depth(4, 7))
  t.equal(explored.counterExample, undefined, report(explored))
  t.comment(`${explored.states} states`)
  const wild = { losses: true, crash: true, jumps: 8, budgetMs: 10_000, reviews: 3 }
  const walked = await walk(still({}, wild), depth(20, 300), 80, 1)
  t.equal(walked.counterExample, undefined, report(walked))
})
