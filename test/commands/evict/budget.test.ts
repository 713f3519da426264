import t from 'tap'
import { explainEviction } from '../../../src/commands/evict/explain.ts'
import { nextEvictionStep } from '../../../src/commands/evict/next-step.ts'
import { budgetOf } from '../../../src/commands/guard/ask-replicas.ts'
import { defaultPolicy, type EvictionBudget } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases } from '../../fixtures/cluster.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'
import { replicaPolicy } from '../doctor/facts.ts'

const closed = { allowScheduling: false }
const flagged = { ...closed, evictionRequested: true }
const { A, B, C } = releases

/** n1 with these switches and this copy, and an eviction of n3. */
function stepOf(
  release: string | undefined,
  { switches = {}, copies = [ready('d1')], several = false }: Partial<Choice> = {},
  evictionBudget: EvictionBudget = defaultPolicy.evictionBudget,
) {
  const { map } = cluster(release)
    .node('n1', [disk('d1')], switches)
    .node('n2', [disk('d2')])
    .node('n3', [disk('d3')], flagged)
    .image('ubuntu', [...copies, ready('d2')])
  const policy = { ...defaultPolicy, evictionBudget }
  return nextEvictionStep({ node: 'n1', disk: undefined }, map, {
    policy,
    ...moment(noon),
    isOneOfSeveral: several,
  })
}

interface Choice {
  readonly switches: object
  readonly copies: readonly ReturnType<typeof ready>[]
  readonly several: boolean
}

t.test('a flag waits where the budget of the guard is used up, and says by whom', (t) => {
  for (const release of [A, B, C]) {
    const step = stepOf(release, {}, { flaggedNodes: 1, pendingCleanups: undefined })
    t.match(step, { step: 'wait-for-room', problems: [/requested on n3 already, and the budget is 1/] })
    t.match(
      explainEviction(step, noon),
      /waiting for room in the guard’s budget: an eviction is requested on n3/,
    )
    t.match(stepOf(release, {}, { flaggedNodes: 2, pendingCleanups: undefined }), { step: 'raise' })
  }
  t.end()
})

t.test('of several nodes the flag of one that is empty goes down, so that the next may go up', (t) => {
  const empty = { copies: [], several: true }
  t.match(stepOf(C, { ...empty, switches: flagged }), { step: 'clear' })
  t.match(stepOf(C, { ...empty, switches: flagged, several: false }), { step: 'done' }, 'alone it stays up')
  t.match(stepOf(C, { ...empty, switches: closed }), { step: 'done' })
  t.match(stepOf(A, { ...empty, switches: flagged }), { step: 'lower' })
  t.end()
})

t.test('the budget is the least that a replica enforces', (t) => {
  const of = (flaggedNodes: number | null, mode: 'enforce' | 'warn' = 'enforce') =>
    replicaPolicy('r', {
      modes: { 'eviction-budget': mode },
      evictionBudget: { flaggedNodes, pendingCleanups: null },
    })
  const any = { flaggedNodes: undefined, pendingCleanups: undefined }
  t.strictSame(budgetOf({ seen: [of(3), of(2), of(null)] }), { ...any, flaggedNodes: 2 })
  t.strictSame(budgetOf({ seen: [of(1, 'warn')] }), any)
  t.strictSame(budgetOf({ seen: [replicaPolicy('old')] }), any)
  t.strictSame(budgetOf({ problem: 'ann may not list pods' }), any)
  t.end()
})
