import t from 'tap'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { walk } from './explore.ts'
import { finds } from './finds.ts'
import { report } from './report.ts'
import { cleanUp, evict, longhornCleansUp } from './request.ts'
import { earlyExpiry, narrowedToB, noConfirmation, noReservations, type Sabotage } from './sabotage.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'

/** An eviction and a clean-up on another disk of the node, which crash a manager if both are admitted. */
function weakened(name: string, sabotage: Sabotage, more: Partial<Scenario> = {}): Scenario {
  return scenario(name, 'A', calm, [evict('n1', 'd2'), cleanUp('i1', ['d1'])], { ...more, sabotage })
}

/** Steps that do not matter to any of these. */
const aside = /Longhorn deletes|^evict.*by replica 1|^clean.*by replica 2/

for (const [weak, seed] of [
  [weakened('reservations off', noReservations), 4],
  [weakened('confirmation off', noConfirmation), 2_354],
  [weakened('expiry shorter than commit', earlyExpiry, { jumps: 2, budgetMs: 5_000 }), 810],
  [weakened('the rule of profile A narrowed to profile B', narrowedToB), 2],
] as const) {
  t.test(`the checker finds a crash with ${weak.name}`, async (t) => {
    await finds(t, weak, { broken: '=> n1 crashes: a clean-up is pending on d1', seed, leaves: aside })
  })
}

t.test('the checker finds each promise broken once its rule is weakened', async (t) => {
  const off = (rule: keyof typeof defaultPolicy.modes): Sabotage => ({
    options: { policy: { ...defaultPolicy, modes: { ...defaultPolicy.modes, [rule]: 'off' } } },
  })
  const both = [longhornCleansUp('i1', ['d1', 'd3'])]
  const lost = await walk(
    scenario('all copies', 'C', calm, both, { sabotage: off('last-usable-copy') }),
    100,
    20,
    1,
  )
  t.match(lost.counterExample?.at(-1), '=> i1 loses its last usable copy', report(lost))
  const dry = [{ ...evict('n1', 'd1'), dryRun: true }]
  const wrote = await walk(scenario('a dry run that is none', 'A', calm, dry), 100, 20, 1)
  t.match(wrote.counterExample?.at(-1), '=> a dry run has written', report(wrote))
  const slow = [{ ...evict('n1', 'd1'), clears: true }]
  const waited = await walk(scenario('a clearing that has to wait', 'A', calm, slow), 100, 20, 1)
  t.match(waited.counterExample?.at(-1), /has to wait$/, report(waited))
})
