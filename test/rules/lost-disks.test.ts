import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import type { Finding } from '../../src/rules/finding.ts'
import { isAtWork, isDown } from '../../src/longhorn/node.ts'
import { whyDown, whyLost } from '../../src/rules/lost.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, longhornAccount, moment, noon, releases, type TestCluster } from '../fixtures/cluster.ts'
import {
  copy,
  disk,
  pending,
  planned,
  type RawCopy,
  type RawNotReady,
  ready,
} from '../fixtures/raw-objects.ts'

const minutes = (count: number) => new Date(noon - count * 60_000).toISOString()

const gone: RawNotReady = { reason: 'KubernetesNodeGone', since: minutes(0) }
const longDown: RawNotReady = { reason: 'ManagerPodMissing', since: minutes(11) }
const justDown: RawNotReady = { reason: 'ManagerPodDown', since: minutes(9) }
const evicting = { evictionRequested: true }

/** n1 with d1, which is lost for this reason, and two nodes that are well. */
const withLost = (notReady: RawNotReady, copies: readonly RawCopy[], release = 'v1.9.2', min = 1) =>
  cluster(release)
    .node('n1', [disk('d1')], { notReady, allowScheduling: false, metadata: { generation: 7 } })
    .node('n2', [disk('d2')])
    .node('n3', [disk('d3')])
    .image('golden', copies, { sourceType: 'upload', minNumberOfCopies: min })

const effects = (findings: readonly Finding[]) => findings.map(({ rule, effect }) => `${rule} ${effect}`)

const lostCopy = copy('d1', 'unknown')

t.test('a disk is lost once its node is gone, or does not work for longer than lostAfter', (t) => {
  const table: [notReady: RawNotReady, isLost: boolean][] = [
    [gone, true],
    [{ reason: 'KubernetesNodeGone' }, true],
    [longDown, true],
    [justDown, false],
    [{ reason: 'ManagerPodMissing', since: minutes(10) }, false],
    [{ reason: 'ManagerPodDown', since: minutes(11) }, true],
    [{ reason: 'KubernetesNodeNotReady', since: minutes(11) }, true],
    [{ reason: 'KubernetesNodeDown', since: minutes(11) }, true],
    [{ reason: 'ManagerPodMissing' }, false],
    [{ reason: 'ManagerPodMissing', since: 'long ago' }, false],
    [{ reason: 'ManagerPodMissing', since: minutes(-60) }, false],
    [{ reason: 'KubernetesNodePressure', since: minutes(60) }, false],
    [{ reason: '', since: minutes(60) }, false],
  ]
  for (const [notReady, isLost] of table) {
    const of = withLost(notReady, [])
    const node = of.map.node('n1')
    if (!node) throw new Error('there is n1')
    const why = whyLost(node, 'd1', { map: of.map, policy: defaultPolicy, ...moment(noon) })
    t.equal(why !== undefined, isLost, JSON.stringify(notReady))
  }
  t.end()
})

t.test('a disk that is not ready for long enough on a working node is lost', (t) => {
  const table: [notReady: RawNotReady | undefined, why: RegExp | undefined][] = [
    [undefined, undefined],
    [{ reason: 'DiskFilesystemChanged', since: minutes(9) }, undefined],
    [{ reason: 'DiskFilesystemChanged' }, undefined],
    [
      { reason: 'DiskFilesystemChanged', since: minutes(180) },
      /^disk d1 of node n1 is not ready, for 3h \(DiskFilesystemChanged\)$/,
    ],
    [{ reason: '', since: minutes(60 * 24 * 3) }, /^disk d1 of node n1 is not ready, for 3d$/],
  ]
  for (const [notReady, text] of table) {
    const { map } = cluster().node('n1', [disk('d1', { notReady })])
    const node = map.node('n1')
    if (!node) throw new Error('there is n1')
    const why = whyLost(node, 'd1', { map, policy: defaultPolicy, ...moment(noon) })
    if (text) t.match(why, text)
    else t.equal(why, undefined)
    t.equal(isAtWork(node, 'd1'), notReady === undefined)
    t.equal(isDown(node), false)
    t.equal(whyDown(node, moment(noon)), undefined)
  }
  t.end()
})

t.test('a lost node may be deleted while every image is ready elsewhere, by anybody', (t) => {
  for (const release of Object.values(releases)) {
    for (const notReady of [gone, longDown]) {
      for (const actor of [longhornAccount, { username: 'ann', groups: [] }]) {
        const before = withLost(notReady, [lostCopy, ready('d2'), ready('d3')], release)
        const findings = before.judge(before.deleteNode('n1', { actor }))
        t.strictSame(effects(findings), ['disk-removal-with-copies warn'], release)
        t.match(findings[0], {
          found: /golden has a copy on d1 .* keeps a ready one on d2 of n2$/,
          why: /(KubernetesNodeGone|ManagerPodMissing)/,
        })
        const removal = before.toNode('n1', [], { notReady, metadata: { generation: 7 } }, { actor })
        t.strictSame(effects(before.judge(removal)), ['disk-removal-with-copies warn'])
      }
    }
  }
  t.end()
})

t.test('a copy may go from a lost disk if a working disk has a ready one', (t) => {
  const refused = ['disk-removal-with-copies refuse']
  const warned = ['disk-removal-with-copies warn']
  const table: [what: string, copies: RawCopy[], expected: string[]][] = [
    ['the only copy', [lostCopy], refused],
    ['the only copy, of which status still says ready', [ready('d1')], refused],
    ['a copy whose only other one is unknown', [lostCopy, copy('d2', 'unknown')], refused],
    ['a copy whose only other one is in progress', [lostCopy, copy('d2', 'in-progress')], refused],
    ['a copy whose only other one is cleaned up', [lostCopy, pending('d2')], refused],
    ['a copy whose only other one is on a disk that no node has', [lostCopy, ready('d9')], refused],
    ['the only copy, half made', [copy('d1', 'in-progress')], refused],
    ['a failed copy', [copy('d1', 'failed')], warned],
    ['a planned copy', [planned('d1')], warned],
    ['a copy that is cleaned up already', [pending('d1', 'unknown')], warned],
    ['a ready copy while another one is ready', [ready('d1'), ready('d2')], warned],
  ]
  for (const [what, copies, expected] of table) {
    const before = withLost(gone, copies)
    const findings = before.judge(before.deleteNode('n1'))
    t.strictSame(effects(findings.filter(({ rule }) => rule !== 'images-nowhere')), expected, what)
  }
  t.end()
})

t.test('two lost nodes do not count on each other, nor on two disks of one node', (t) => {
  const both = (notReady: RawNotReady) =>
    withLost(gone, [lostCopy, ready('d2')])
      .node('n2', [disk('d2')], { notReady })
      .effects('disk-removal-with-copies', withLost(gone, [lostCopy, ready('d2')]).deleteNode('n1'))
  t.strictSame(both(longDown), ['refuse'])
  t.strictSame(both(justDown), ['refuse'], 'down, not lost yet')
  const twice = cluster('v1.9.2')
    .node('n1', [disk('d1'), disk('d1b')], { notReady: gone })
    .image('golden', [ready('d1'), ready('d1b')])
  t.strictSame(twice.effects('disk-removal-with-copies', twice.deleteNode('n1')), ['refuse', 'refuse'])
  t.end()
})

t.test('a node that is down for a moment is not lost, and the advice says when it is', (t) => {
  const before = withLost(justDown, [lostCopy, ready('d2')])
  const [finding] = before.judge(before.deleteNode('n1'))
  t.match(finding, { rule: 'disk-removal-with-copies', effect: 'refuse' })
  t.match(
    finding?.next,
    /^Bring the node back: the longhorn-manager of node n1 is down, for 9m \(ManagerPodDown\), and an eviction does nothing/,
  )
  t.match(finding?.next, /down for longer than 10m may be removed/)
  t.strictSame(
    effects(before.judge(before.deleteNode('n1'), { lostAfterMs: 8 * 60_000 })),
    ['disk-removal-with-copies warn'],
    'lostAfter decides',
  )
  t.end()
})

t.test('the advice for the last copy works on a dead node', (t) => {
  const before = withLost(gone, [lostCopy])
  const [deletion] = before.judge(before.deleteNode('n1'))
  t.match(
    deletion?.next,
    /^Bring the disk back.*An eviction does nothing.*delete backingimages\.longhorn\.io golden/,
  )
  t.match(deletion?.next, "'holdfast.dev/override=delete uid-n1/7 before 2026-01-01T12:30:00Z: <why>'")
  const [removal] = before.judge(before.toNode('n1', [], { notReady: gone }))
  t.match(removal?.next, /set annotation holdfast\.dev\/override to the reason in the same write$/)
  const cleanUp = before.judge(before.cleanUp('golden', ['d1'])).find(({ effect }) => effect === 'refuse')
  t.match(cleanUp?.next, /^Bring the disk back, .*delete backingimages\.longhorn\.io golden$/)
  const nowhere = cluster('v1.9.2').image('golden', [ready('d9')])
  t.match(
    nowhere.judge(nowhere.cleanUp('golden', ['d9']))[0]?.next,
    /write the old UUID into longhorn-disk\.cfg/,
  )
  t.end()
})

t.test(
  'a copy on a lost disk may be cleaned up while another one is usable, below minNumberOfCopies too',
  (t) => {
    const spread = [lostCopy, ready('d2'), ready('d3')]
    for (const notReady of [gone, longDown]) {
      const enough = withLost(notReady, spread)
      t.strictSame(effects(enough.judge(enough.cleanUp('golden', ['d1']))), [])
      const tooFew = withLost(notReady, spread, 'v1.9.2', 3)
      const findings = tooFew.judge(tooFew.cleanUp('golden', ['d1']))
      t.strictSame(effects(findings), ['below-min-copies warn'])
      t.match(findings[0], {
        found: 'the image would have 2 ready copies and must have 3',
        why: /^The copy is lost already: .*node n1/,
      })
      t.strictSame(
        effects(tooFew.judge(tooFew.cleanUp('golden', ['d1', 'd2']))),
        ['below-min-copies refuse'],
        'one that is not lost goes too',
      )
    }
    const down = withLost(justDown, spread, 'v1.9.2', 3)
    t.strictSame(
      effects(down.judge(down.cleanUp('golden', ['d1']))),
      ['below-min-copies refuse'],
      'not lost yet',
    )
    const last = withLost(gone, [lostCopy])
    t.strictSame(effects(last.judge(last.cleanUp('golden', ['d1']))), [
      'last-usable-copy refuse',
      'below-min-copies warn',
    ])
    t.end()
  },
)

t.test('a copy that is lost does not count', (t) => {
  const cleanUp = (notReady: RawNotReady, state: string) => {
    const before = withLost(notReady, [copy('d1', state), ready('d2')])
    return before.effects('last-usable-copy', before.cleanUp('golden', ['d2']))
  }
  for (const state of ['unknown', 'ready']) {
    t.strictSame(cleanUp(gone, state), ['refuse'], state)
    t.strictSame(cleanUp(longDown, state), ['refuse'], state)
    t.strictSame(cleanUp(justDown, state), [], `${state}, and the node may come back`)
  }
  const evict = (notReady: RawNotReady) => {
    const before = withLost(notReady, [lostCopy, copy('d2', 'unknown')])
    return before.effects('evict-unready-copy', before.toNode('n2', [disk('d2', evicting)]))
  }
  t.strictSame(evict(gone), ['hold'])
  t.strictSame(evict(justDown), [])
  t.end()
})

t.test('an eviction on a node without a manager has no effect, and a warning says so', (t) => {
  for (const profile of profiles) {
    for (const notReady of [gone, longDown, justDown, { reason: 'ManagerPodDown' }]) {
      const before = withLost(notReady, [lostCopy, ready('d2')], releases[profile])
      const raise = before.toNode('n1', [disk('d1')], { ...evicting, notReady })
      const told = before.judge(raise).filter(({ rule }) => rule === 'no-eviction-target')
      t.strictSame(effects(told), profile === 'none' ? [] : ['no-eviction-target warn'], profile)
      if (profile === 'none') continue
      t.match(told[0], { found: /^the eviction does nothing, since /, why: /^Only the longhorn-manager of/ })
      t.match(told[0]?.next, /kubectl -n longhorn-system delete nodes\.longhorn\.io n1$/)
      t.match(
        told[0]?.next,
        /disable scheduling.* Longhorn also asks .* no replica is on it/,
        'its own webhook',
      )
    }
  }
  const flagged = withLost(gone, []).node('n1', [disk('d1')], { ...evicting, notReady: gone })
  const joins = flagged.toNode('n1', [disk('d1'), disk('d4')], { ...evicting, notReady: gone })
  t.strictSame(effects(flagged.judge(joins)).length, 1, 'a disk that joins a flagged node is evicted too')
  t.end()
})

t.test('the advice for a clean-up on a lost disk names the step that ends the wait', (t) => {
  const broken = { notReady: { reason: 'DiskFilesystemChanged', since: minutes(60) } }
  for (const release of [releases.A, releases.B, releases.C]) {
    const before = cluster(release)
      .node('n1', [disk('d1', broken), disk('d2')])
      .image('golden', [pending('d1'), ready('d3')])
      .node('n3', [disk('d3')])
    const raise = before.toNode('n1', [disk('d1', broken), disk('d2')], evicting)
    const held = before.judge(raise).find(({ rule }) => rule === 'eviction-during-cleanup')
    t.match(held, { effect: 'hold' }, release)
    t.match(
      held?.next,
      /Disk d1 of node n1 is not ready, for 60m .* does not end\. Remove disk d1 from node n1/,
    )
    t.strictSame(
      effects(before.judge(before.toNode('n1', [disk('d2')]))),
      ['disk-removal-with-copies warn'],
      'which is allowed',
    )
  }
  t.end()
})

t.test('a lost node can come back: its crash predicate stays one', (t) => {
  const dead: Record<string, TestCluster> = {
    A: withLost(gone, [lostCopy, ready('d2')], releases.A),
    B: withLost(gone, [lostCopy, ready('d2')], releases.B),
  }
  for (const [profile, before] of Object.entries(dead)) {
    before.node('n1', [disk('d1', evicting)], { notReady: gone })
    const cleanUp = before.cleanUp('golden', ['d1'])
    t.strictSame(before.effects('cleanup-during-eviction', cleanUp), ['hold'], profile)
    before.image('golden', [pending('d1'), ready('d2')]).node('n1', [disk('d1')], { notReady: gone })
    const raise = before.toNode('n1', [disk('d1', evicting)], { notReady: gone })
    t.strictSame(before.effects('eviction-during-cleanup', raise), ['hold'], profile)
  }
  t.end()
})
