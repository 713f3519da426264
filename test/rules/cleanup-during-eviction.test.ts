import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, longhornAccount, releases, withMode } from '../fixtures/cluster.ts'
import { disk, planned, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'cleanup-during-eviction'
const evicting = { evictionRequested: true }

/** n1 is flagged by its disk d2; ubuntu has a copy on each disk and a good one elsewhere. */
const flagged = (release: string) =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2', evicting)])
    .node('n2', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d2', { evicting: true }), ready('d3')])

t.test('o2, o3: a clean-up while its node is evicted, by profile and by disk', (t) => {
  const table = {
    d1: { A: ['hold'], B: [], C: [], none: [] },
    d2: { A: ['hold'], B: ['hold'], C: ['warn'], none: [] },
    d3: { A: [], B: [], C: [], none: [] },
  }
  for (const profile of profiles) {
    const before = flagged(releases[profile])
    for (const on of ['d1', 'd2', 'd3'] as const) {
      t.strictSame(
        before.effects(rule, before.cleanUp('ubuntu', [on])),
        table[on][profile],
        `${on} on ${profile}`,
      )
      const byLonghorn = before.cleanUp('ubuntu', [on], { actor: longhornAccount })
      t.strictSame(before.effects(rule, byLonghorn), table[on][profile], `${on} on ${profile}, automatic`)
    }
  }
  t.end()
})

t.test('a node that is flagged as a whole evicts each of its disks', (t) => {
  for (const profile of ['A', 'B'] as const) {
    const before = flagged(releases[profile]).node('n1', [disk('d1'), disk('d2')], evicting)
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), ['hold'], profile)
  }
  t.end()
})

t.test('o4: the normal end of an eviction is held too, unless configured otherwise', (t) => {
  const before = flagged('v1.8.0')
  const end = before.cleanUp('ubuntu', ['d2'], { actor: longhornAccount })
  t.match(before.judge(end), [
    { rule, effect: 'hold', found: /^its eviction is finished, and an eviction is still requested on n1$/ },
  ])
  t.strictSame(before.effects(rule, end, { evictionCompletion: 'allow' }), ['warn'])
  const cleanUp = before.cleanUp('ubuntu', ['d1'])
  t.strictSame(
    before.effects(rule, cleanUp, { evictionCompletion: 'allow' }),
    ['hold'],
    'a clean-up is no such end',
  )
  t.end()
})

t.test('o9: all keys removed at once are found one by one', (t) => {
  const before = flagged('v1.8.0')
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1', 'd2', 'd3'])), ['hold', 'hold'])
  t.end()
})

t.test('a copy that is only planned leaves nothing behind in status', (t) => {
  const before = flagged('v1.8.0').image('ubuntu', [planned('d1'), ready('d3')])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), [])
  t.end()
})

t.test('a disk that no node has may be one that its flagged node has not synced yet', (t) => {
  const table = { A: ['hold'], B: ['hold'], C: [], none: [] }
  for (const profile of profiles) {
    const before = cluster(releases[profile])
      .node('n1', [disk('new', { ...evicting, synced: false }), disk('d2')])
      .node('n2', [disk('d3'), disk('d5', { synced: false })])
      .image('ubuntu', [ready('d1'), ready('d3')])
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), table[profile], profile)
    if (table[profile].length === 0) continue
    t.match(
      before.judge(before.cleanUp('ubuntu', ['d1']))[0]?.why,
      'No node has disk uuid-d1. It may be disk new of node n1, whose UUID is not known yet',
      'it is not said to be that disk',
    )
  }
  t.end()
})

t.test('and so it may be one of a node that is dead, or of a disk that is broken there', (t) => {
  const missing = { reason: 'DiskFilesystemChanged' }
  for (const [d1, n2] of [
    [disk('d1'), { notReady: { reason: 'KubernetesNodeGone' } }],
    [disk('d1', { notReady: missing }), {}],
  ] as const) {
    const before = cluster('v1.8.0')
      .node('n1', [disk('new', { ...evicting, synced: false })])
      .node('n2', [d1], n2)
      .image('ubuntu', [ready('d1'), ready('d3')])
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), ['hold'])
  }
  t.end()
})

t.test('a disk on two nodes for a moment counts on both', (t) => {
  const before = flagged('v1.8.0').node('n3', [disk('d1'), disk('d4', evicting)])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), ['hold', 'hold'])
  t.end()
})

t.test('the finding names everything, and that the copy still goes later', (t) => {
  const before = flagged('v1.8.0')
  t.match(before.judge(before.cleanUp('ubuntu', ['d1'])), [
    {
      subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
      doing: 'removing the copy of ubuntu on d1 of n1',
      found: 'an eviction is requested on n1',
      next: /once no eviction is requested on n1\. Longhorn still removes a copy after that/,
      look: ['kubectl -n longhorn-system get nodes.longhorn.io n1 -o yaml'],
    },
  ])
  t.end()
})

t.test('modes', (t) => {
  const before = flagged('v1.8.0')
  const change = before.cleanUp('ubuntu', ['d1'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [])
  t.end()
})
