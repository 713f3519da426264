import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import type { EvictionBudget } from '../../src/rules/policy.ts'
import { cluster, releases } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'

const rule = 'eviction-budget'
const evicting = { evictionRequested: true }

/** n1 is flagged, n2 and n3 are not; one clean-up is pending, on n3. */
const busy = (release = 'v1.10.0') =>
  cluster(release)
    .node('n1', [disk('d1')], evicting)
    .node('n2', [disk('d2')])
    .node('n3', [disk('d3')])
    .image('ubuntu', [ready('d1'), pending('d3')])

function found(evictionBudget: Partial<EvictionBudget>, release?: string): string[] {
  const before = busy(release)
  const budget = { flaggedNodes: undefined, pendingCleanups: undefined, ...evictionBudget }
  return before.effects(rule, before.toNode('n2', [disk('d2')], evicting), { evictionBudget: budget })
}

t.test('an eviction is held while as many nodes are flagged as may be, on every profile', (t) => {
  for (const profile of profiles)
    t.strictSame(found({ flaggedNodes: 1 }, releases[profile]), ['hold'], profile)
  t.strictSame(found({ flaggedNodes: 2 }), [])
  t.end()
})

t.test('and while as many clean-ups are pending as may be', (t) => {
  t.strictSame(found({ pendingCleanups: 1 }), ['hold'])
  t.strictSame(found({ pendingCleanups: 2 }), [])
  t.strictSame(found({ flaggedNodes: 1, pendingCleanups: 1 }), ['hold', 'hold'])
  t.end()
})

t.test('evictions have no limit without a budget', (t) => {
  t.strictSame(found({}), [])
  t.end()
})

t.test('a node that is flagged already has its place', (t) => {
  const before = busy()
  const more = before.toNode('n1', [disk('d1', evicting), disk('d4', evicting)], evicting)
  const evictionBudget = { flaggedNodes: 1, pendingCleanups: 1 }
  t.strictSame(before.effects(rule, more, { evictionBudget }), [])
  t.end()
})

t.test('the finding names ten of the nodes ahead, and how many more there are', (t) => {
  const many = cluster('v1.10.0').node('late', [disk('d0')])
  for (let n = 1; n <= 12; n += 1) many.node(`n${n}`, [disk(`d${n}`)], evicting)
  const evictionBudget = { flaggedNodes: 3, pendingCleanups: undefined }
  const [own] = many
    .judge(many.toNode('late', [disk('d0')], evicting), { evictionBudget })
    .filter((finding) => finding.rule === rule)
  t.match(own?.found, /requested on n1, n2, .*n10 and 2 more already/)
  t.end()
})

t.test('the finding names the nodes ahead', (t) => {
  const before = busy()
  const change = before.toNode('n2', [disk('d2')], evicting)
  const evictionBudget = { flaggedNodes: 1, pendingCleanups: undefined }
  const own = before.judge(change, { evictionBudget }).filter((finding) => finding.rule === rule)
  t.match(own, [
    {
      subjects: [{ node: 'n1' }],
      doing: 'evicting node n2',
      found: 'an eviction is requested on n1 already, and the budget is 1 at a time',
      look: [/^kubectl/],
    },
  ])
  t.end()
})
