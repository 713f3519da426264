import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { explore } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import type { Sabotage } from './sabotage.ts'
import { cleanUp, evict } from './request.ts'
import { sharedStamps, wallClockDeadlines } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

/** A process ends before its reservation is settled; then another of its name takes back its own reservations. */
const restarting = (sabotage: Sabotage): Scenario =>
  scenario(
    'a replica restarts under its name',
    'A',
    calm,
    [cleanUp('i2', ['d2']), cleanUp('i1', ['d1']), evict('n1', 'd1')],
    { reviews: 1, restarts: true, losses: true, sabotage },
  )

/** The clean-ups by the replica that restarts, the eviction by the other, and nothing that does not matter. */
const aside =
  /Longhorn|hears of the next [BN]|replica 1 hears|^clean.*by replica 2|^evict.*by replica 1|replica 2 restarts|replica 2: swap.*lost|for \[(removal by i.)?\].*lost/

t.test('the checker finds a crash with stamps that two processes share', async (t) => {
  await finds(t, restarting(sharedStamps), { broken: /=> n1 crashes/, seed: 2_297, leaves: aside })
})

/** An eviction and a clean-up, by replicas whose clocks show any time. */
const astray = (sabotage: Sabotage): Scenario =>
  scenario('clocks that step', 'A', calm, [evict('n1', 'd2'), cleanUp('i1', ['d1'])], {
    steps: true,
    jumps: 3,
    budgetMs: 5_000,
    sabotage,
  })

t.test('the checker finds a crash with deadlines by the time of day', async (t) => {
  const broken = '=> n1 crashes: a clean-up is pending on d1'
  await finds(t, astray(wallClockDeadlines), { broken, seed: 100 })
})

t.test('a replica restarts at any moment under its name, and no promise is broken', async (t) => {
  const once = { reviews: 1, restarts: true }
  for (const wishes of [
    [evict('n1', 'd2'), cleanUp('i1', ['d1'])],
    [cleanUp('i2', ['d2']), cleanUp('i1', ['d1']), evict('n1', 'd1')],
  ]) {
    const steps = wishes.length === 2 ? depth(5, 8) : depth(3, 5)
    const explored = await explore(scenario('restarts', 'A', calm, wishes, once), steps)
    t.equal(explored.counterExample, undefined, report(explored))
    t.comment(`${explored.states} states`)
  }
})
