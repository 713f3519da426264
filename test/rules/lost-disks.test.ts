import t from 'tap'
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
import { gone, justDown, longDown, lostCopy, minutesAgo, withLost } from './lost-node.ts'

const effects = (findings: readonly Finding[]) => findings.map(({ rule, effect }) => `${rule} ${effect}`)
const evicting = { evictionRequested: true }

t.test('a disk is lost once its node is gone, or does not work for longer than lostAfter', (t) => {
  const table: [notReady: RawNotReady, isLost: boolean][] = [
    [gone, true],
    [{ reason: 'KubernetesNodeGone' }, true],
    [longDown, true],
    [justDown, false],
    [{ reason: 'ManagerPodMissing', since: minutesAgo(10) }, false],
    [{ reason: 'ManagerPodDown', since: minutesAgo(11) }, true],
    [{ reason: 'KubernetesNodeNotReady', since: minutesAgo(11) }, true],
    [{ reason: 'KubernetesNodeDown', since: minutesAgo(11) }, true],
    [{ reason: 'ManagerPodMissing' }, false],
    [{ reason: 'ManagerPodMissing', since: 'long ago' }, false],
    [{ reason: 'ManagerPodMissing', since: minutesAgo(-60) }, false],
    [{ reason: 'KubernetesNodePressure', since: minutesAgo(60) }, false],
    [{ reason: '', since: minutesAgo(60) }, false],
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
    [{ reason: 'DiskFilesystemChanged', since: minutesAgo(9) }, undefined],
    [{ reason: 'DiskFilesystemChanged' }, undefined],
    [
      { reason: 'DiskFilesystemChanged', since: minutesAgo(180) },
      /^disk d1 of node n1 is not ready, for 3h \(DiskFilesystemChanged\)$/,
    ],
    [{ reason: '', since: minutesAgo(60 * 24 * 3) }, /^disk d1 of node n1 is not ready, for 3d$/],
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

t.test('any user may delete a lost node while every image is ready elsewhere', (t) => {
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
