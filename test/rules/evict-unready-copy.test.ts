import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, releases, withMode } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawCopy, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'evict-unready-copy'
const evicting = { evictionRequested: true }

const holding = (copies: readonly RawCopy[], release = 'v1.10.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .node('n3', [disk('d4')], evicting)
    .image('ubuntu', copies)

t.test('an eviction of d1 while its copy is not ready: the copies elsewhere decide', (t) => {
  const table: [what: string, copies: RawCopy[], effects: string[]][] = [
    ['the only copy, unknown', [copy('d1', 'unknown')], ['hold']],
    ['the only copy, in progress', [copy('d1', 'in-progress')], ['hold']],
    ['a failed one elsewhere', [copy('d1', 'unknown'), copy('d3', 'failed')], ['hold']],
    [
      'an unknown one on a node that is evicted too',
      [copy('d1', 'unknown'), copy('d4', 'unknown')],
      ['hold'],
    ],
    ['an unknown one elsewhere', [copy('d1', 'unknown'), copy('d3', 'unknown')], []],
    ['a ready one elsewhere', [copy('d1', 'unknown'), ready('d3')], []],
    ['a ready one, evicted too, from which a copy can be made', [copy('d1', 'unknown'), ready('d4')], []],
    ['a ready one on a disk that no node has', [copy('d1', 'unknown'), ready('d9')], ['hold']],
    ['the only copy, ready', [ready('d1')], []],
    ['the only copy, failed: nothing to lose', [copy('d1', 'failed')], []],
    ['a planned copy: nothing there yet', [planned('d1')], []],
    ['a clean-up: wanted gone', [pending('d1', 'unknown')], []],
  ]
  for (const [what, copies, effects] of table) {
    const before = holding(copies)
    const change = before.toNode('n1', [disk('d1', evicting), disk('d2')])
    t.strictSame(before.effects(rule, change), effects, what)
  }
  t.end()
})

t.test('both disks of a node evicted together leave nothing on it', (t) => {
  const before = holding([copy('d1', 'unknown'), copy('d2', 'unknown')])
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1', evicting), disk('d2')])), [])
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1'), disk('d2')], evicting)), [
    'hold',
    'hold',
  ])
  t.end()
})

t.test('an image on its way out has nothing to lose', (t) => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  const before = holding([]).image('ubuntu', [copy('d1', 'unknown')], { metadata })
  t.strictSame(before.judge(before.toNode('n1', [disk('d1', evicting), disk('d2')])), [])
  t.end()
})

t.test('by profile and mode', (t) => {
  const table = { A: ['hold'], B: ['hold'], C: ['hold'], none: [] }
  for (const profile of profiles) {
    const before = holding([copy('d1', 'unknown')], releases[profile])
    const change = before.toNode('n1', [disk('d1', evicting), disk('d2')])
    t.strictSame(before.effects(rule, change), table[profile], profile)
    t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [], `off on ${profile}`)
  }
  t.end()
})

t.test('the finding names everything', (t) => {
  const before = holding([copy('d1', 'unknown')])
  t.match(before.judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))[0], {
    rule,
    subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
    doing: 'evicting d1 of n1',
    found: 'backing image ubuntu has no ready copy, and Longhorn would delete the one on d1 (unknown)',
    next: 'The eviction is allowed once a copy of ubuntu is ready.',
    look: [/^kubectl/],
  })
  t.end()
})
