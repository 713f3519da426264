import t from 'tap'
import type { Finding } from '../../src/rules/finding.ts'
import {
  lostDisks,
  mayBeLost,
  someWaitToBeLost,
  standingDisks,
  whyDown,
  whyLost,
  whyNothingCountsOn,
} from '../../src/rules/lost.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, longhornAccount, moment, noon } from '../fixtures/cluster.ts'
import { copy, disk, type RawCopy, type RawNotReady, ready, uuid } from '../fixtures/raw-objects.ts'

const minutes = (count: number) => new Date(noon - count * 60_000).toISOString()
const days = 3 * 24 * 60

/** Its manager starts anew on a node that has been under pressure for days: Longhorn keeps the time of the status. */
const justDown: RawNotReady = { reason: 'ManagerPodDown', since: minutes(days), writtenAt: minutes(1) }
const longDown: RawNotReady = { reason: 'ManagerPodDown', since: minutes(days), writtenAt: minutes(11) }

const world = (notReady: RawNotReady, copies: readonly RawCopy[] = []) =>
  cluster('v1.9.2')
    .node('n1', [disk('d1')], { notReady })
    .node('n2', [disk('d2')])
    .image('golden', copies)

const circumstances = (of: ReturnType<typeof world>) => ({
  map: of.map,
  policy: defaultPolicy,
  ...moment(noon),
})

const effects = (findings: readonly Finding[]) => findings.map(({ rule, effect }) => `${rule} ${effect}`)

t.test('a node is lost once it has been down for this reason for longer than lostAfter', (t) => {
  const table: [notReady: RawNotReady, isLost: boolean, mayBe: boolean][] = [
    [justDown, false, true],
    [longDown, true, true],
    [{ ...justDown, reason: 'KubernetesNodeNotReady' }, false, true],
    [{ ...justDown, reason: 'KubernetesNodePressure' }, false, false],
    [{ ...longDown, reason: 'KubernetesNodePressure' }, false, false],
    [{ ...justDown, reason: 'KubernetesNodeGone' }, true, true],
    [{ reason: 'ManagerPodMissing', since: minutes(11) }, true, true],
    [{ reason: 'ManagerPodMissing', since: minutes(5), writtenAt: minutes(5) }, false, false],
    [{ reason: 'ManagerPodMissing', writtenAt: minutes(days) }, false, false],
  ]
  for (const [notReady, isLost, mayBe] of table) {
    const of = world(notReady)
    const node = of.map.node('n1')
    if (!node) throw new Error('there is n1')
    const why = JSON.stringify(notReady)
    t.equal(whyLost(node, 'd1', circumstances(of)) !== undefined, isLost, why)
    t.equal(mayBeLost(node, 'd1', circumstances(of)), mayBe, why)
    t.equal(lostDisks(circumstances(of))(uuid('d1')), isLost, why)
    t.equal(standingDisks(circumstances(of))(uuid('d1')), !mayBe, why)
    const counts = whyNothingCountsOn({ node: 'n1', disk: 'd1' }, circumstances(of))
    t.equal(counts !== undefined, mayBe, why)
  }
  t.equal(whyNothingCountsOn({ node: 'n9', disk: 'd1' }, circumstances(world(justDown))), undefined)
  t.end()
})

t.test('the age is that of the reason, not of the status', (t) => {
  const down = (notReady: RawNotReady) => {
    const node = world(notReady).map.node('n1')
    return node && whyDown(node, moment(noon))
  }
  t.match(down(justDown), 'is down, for 60s (ManagerPodDown)')
  t.match(down(longDown), 'is down, for 11m (ManagerPodDown)')
  t.end()
})

t.test('between the two nothing may go from the disk, and nothing counts on it', (t) => {
  const spread = [copy('d1', 'unknown'), ready('d2')]
  const between = world(justDown, spread)
  t.strictSame(effects(between.judge(between.deleteNode('n1'))), ['disk-removal-with-copies refuse'])
  t.strictSame(effects(between.judge(between.cleanUp('golden', ['d2'], { actor: longhornAccount }))), [
    'last-usable-copy refuse',
    'below-min-copies warn',
  ])
  const lost = world(longDown, spread)
  t.strictSame(effects(lost.judge(lost.deleteNode('n1'))), ['disk-removal-with-copies warn'])
  const tooFew = (notReady: RawNotReady) => {
    const of = world(notReady).image('golden', [...spread, ready('d3')], { minNumberOfCopies: 3 })
    return of.effects('below-min-copies', of.cleanUp('golden', ['d1']))
  }
  t.strictSame(tooFew(justDown), ['refuse'])
  t.strictSame(tooFew(longDown), ['warn'])
  t.end()
})

t.test('a disk that no node has is lost, and one that another node has too is not', (t) => {
  const gone: RawNotReady = { reason: 'KubernetesNodeGone' }
  const of = world(gone, [ready('d1')])
  t.equal(lostDisks(circumstances(of))(uuid('d9')), true)
  of.node('n3', [disk('d1')])
  t.equal(lostDisks(circumstances(of))(uuid('d1')), false)
  t.end()
})

t.test(
  'a warning says where a copy stays: on the node where its disk works, not on a dead one that lists it',
  (t) => {
    const of = cluster('v1.9.2')
      .node('a-dead', [disk('d2')], { notReady: { reason: 'KubernetesNodeGone' } })
      .node('n1', [disk('d1')], { notReady: longDown })
      .node('n2', [disk('d2')])
      .image('golden', [copy('d1', 'unknown'), ready('d2')])
    t.match(of.judge(of.deleteNode('n1')), [
      { effect: 'warn', found: /, and keeps a ready one on d2 of n2$/ },
    ])
    t.end()
  },
)

t.test('lostAfter applies to disks that are down or not ready, but not to removed ones', (t) => {
  t.equal(someWaitToBeLost(world({ reason: 'KubernetesNodeGone' }).map), false)
  t.equal(someWaitToBeLost(world({ reason: 'KubernetesNodePressure', since: minutes(days) }).map), false)
  t.equal(someWaitToBeLost(world(justDown).map), true)
  t.equal(someWaitToBeLost(cluster().node('n1', [disk('d1', { notReady: { reason: '' } })]).map), true)
  t.end()
})
