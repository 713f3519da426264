import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import type { Finding } from '../../src/rules/finding.ts'
import { cluster, releases } from '../fixtures/cluster.ts'
import { disk, pending, type RawNotReady, ready } from '../fixtures/raw-objects.ts'
import { gone, justDown, longDown, lostCopy, minutesAgo, withLost } from './lost-node.ts'

const effects = (findings: readonly Finding[]) => findings.map(({ rule, effect }) => `${rule} ${effect}`)
const evicting = { evictionRequested: true }

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
  const override = (generation: number) =>
    `'holdfast.dev/override=delete uid-n1/${generation} before 2026-01-01T12:30:00Z: <why>'`
  t.match(deletion?.next, override(7))
  const [removal] = before.judge(before.toNode('n1', [], { notReady: gone }))
  t.match(removal?.next, 'To give the copy up all the same, delete the whole node: kubectl')
  t.match(removal?.next, override(7))
  const open = cluster('v1.9.2')
    .node('n1', [disk('d1')], { notReady: gone, metadata: { generation: 7 } })
    .image('golden', [lostCopy])
  const [opened] = open.judge(open.deleteNode('n1'))
  t.match(opened?.next, 'To give the copy up all the same: disable the scheduling of the node, then kubectl')
  t.match(opened?.next, override(8), 'with the generation that it has then')
  const cleanUp = before.judge(before.cleanUp('golden', ['d1'])).find(({ effect }) => effect === 'refuse')
  t.match(cleanUp?.next, /^Bring the disk back, .*delete backingimages\.longhorn\.io golden$/)
  const broken = { notReady: { reason: 'DiskFilesystemChanged', since: minutesAgo(60) } }
  const working = cluster('v1.9.2')
    .node('n1', [disk('d1', broken)])
    .image('golden', [ready('d1')])
  t.match(
    working.judge(working.toNode('n1', []))[0]?.next,
    /disable the scheduling of the disk, and set annotation holdfast\.dev\/override to the reason in the write that removes it$/,
  )
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
        why: /^The copy is on a lost disk, and does not count: .*node n1/,
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

t.test('a finding advises no override if Longhorn rejects annotations of the node', (t) => {
  for (const [release, isAdvised] of [
    ['v1.12.1', true],
    ['v1.12.2', false],
    ['v1.13.0', false],
  ] as const) {
    const of = (notReady: RawNotReady) => withLost(notReady, [lostCopy], release)
    const next = (notReady: RawNotReady) => of(notReady).judge(of(notReady).deleteNode('n1'))[0]?.next ?? ''
    t.equal(next(gone).includes('To give the copy up'), isAdvised, release)
    t.match(next(gone), 'If you do not need the image, delete it')
    t.match(next(longDown), 'To give the copy up', 'while Kubernetes has the node')
  }
  t.end()
})

t.test('an eviction on a node without a manager has no effect, and gets a warning', (t) => {
  for (const profile of profiles) {
    for (const notReady of [gone, longDown, justDown, { reason: 'ManagerPodDown' }]) {
      const before = withLost(notReady, [lostCopy, ready('d2')], releases[profile])
      const raise = before.toNode('n1', [disk('d1')], { ...evicting, notReady })
      const ofRule = before.judge(raise).filter(({ rule }) => rule === 'no-eviction-target')
      t.strictSame(effects(ofRule), profile === 'none' ? [] : ['no-eviction-target warn'], profile)
      if (profile === 'none') continue
      t.match(ofRule[0], {
        found: /^the eviction does nothing, since /,
        why: /^Only the longhorn-manager of/,
      })
      t.match(ofRule[0]?.next, /kubectl -n longhorn-system delete nodes\.longhorn\.io n1$/)
      t.match(
        ofRule[0]?.next,
        /Longhorn also asks .* its scheduling is disabled, and that no replica is on it/,
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
  const broken = { notReady: { reason: 'DiskFilesystemChanged', since: minutesAgo(60) } }
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
      /Disk d1 of node n1 is not ready, for 60m .* does not end\. Disable the scheduling of disk d1, and remove it from node n1/,
    )
    t.strictSame(
      effects(before.judge(before.toNode('n1', [disk('d2')]))),
      ['disk-removal-with-copies warn'],
      'which is allowed',
    )
  }
  t.end()
})
