import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, releases, withMode } from '../fixtures/cluster.ts'
import {
  copy,
  disk,
  pending,
  planned,
  type RawCopy,
  type RawDisk,
  type RawImageOptions,
  type RawNodeOptions,
  ready,
  uuid,
} from '../fixtures/raw-objects.ts'

const rule = 'no-eviction-target'
const evicting = { evictionRequested: true }

interface Other {
  readonly disks?: readonly RawDisk[]
  readonly node?: RawNodeOptions
  readonly image?: RawImageOptions
  readonly copies?: readonly RawCopy[]
}

/** The findings if n1 is evicted and this is the only other node. */
function found({ disks = [disk('d3')], node = {}, image = {}, copies = [ready('d1')] }: Other): string[] {
  const before = cluster('v1.10.0')
    .node('n1', [disk('d1')])
    .node('n2', disks, node)
    .image('ubuntu', copies, image)
  return before.effects(rule, before.toNode('n1', [disk('d1')], evicting))
}

t.test('an eviction needs a disk that can take the copy', (t) => {
  const block = disk('d3', { diskType: 'block' })
  const table: [what: string, other: Other, effects: string[]][] = [
    ['a disk at rest', {}, []],
    ['an older disk without a type', { disks: [disk('d3', { diskType: '' })] }, []],
    ['no disk', { disks: [] }, ['warn']],
    ['a node closed for scheduling', { node: { allowScheduling: false } }, ['warn']],
    ['a node that is not ready', { node: { ready: false } }, ['warn']],
    ['a node that is not schedulable', { node: { schedulable: false } }, ['warn']],
    ['a node that is evicted', { node: evicting }, ['warn']],
    ['a disk closed for scheduling', { disks: [disk('d3', { allowScheduling: false })] }, ['warn']],
    ['a disk that is not ready', { disks: [disk('d3', { ready: false })] }, ['warn']],
    ['a disk that is not schedulable', { disks: [disk('d3', { schedulable: false })] }, ['warn']],
    ['a disk that is evicted', { disks: [disk('d3', evicting)] }, ['warn']],
    ['a disk that is not synced', { disks: [disk('d3', { synced: false })] }, ['warn']],
    ['a disk of another type', { disks: [block] }, ['warn']],
    ['a block disk for a v2 image', { disks: [block], image: { dataEngine: 'v2' } }, []],
    ['a disk for a v2 image', { image: { dataEngine: 'v2' } }, ['warn']],
    [
      'a disk with the tags',
      { disks: [disk('d3', { tags: ['ssd', 'x'] })], image: { diskSelector: ['ssd'] } },
      [],
    ],
    ['a disk without the tags', { image: { diskSelector: ['ssd'] } }, ['warn']],
    ['a node with the tags', { node: { tags: ['fast'] }, image: { nodeSelector: ['fast'] } }, []],
    ['a node without the tags', { image: { nodeSelector: ['fast'] } }, ['warn']],
    [
      'a disk that has a copy, not ready',
      { copies: [ready('d1'), { ...ready('d3'), state: 'failed' }] },
      ['warn'],
    ],
    ['a ready copy elsewhere', { copies: [ready('d1'), ready('d3')] }, []],
    ['a copy in the making elsewhere', { copies: [ready('d1'), copy('d3', 'in-progress')] }, []],
    ['a copy planned elsewhere', { copies: [ready('d1'), planned('d3')] }, []],
    ['a copy elsewhere whose node is down', { copies: [ready('d1'), copy('d3', 'unknown')] }, ['warn']],
    [
      'a copy that is cleaned up elsewhere',
      { node: evicting, copies: [ready('d1'), pending('d3')] },
      ['warn'],
    ],
    ['only a clean-up to be ended', { disks: [], copies: [pending('d1')] }, []],
  ]
  for (const [what, other, effects] of table) t.strictSame(found(other), effects, what)
  t.end()
})

t.test('another disk of the same node will do, unless the whole node is evicted', (t) => {
  const before = cluster('v1.10.0')
    .node('n1', [disk('d1'), disk('d2')])
    .image('ubuntu', [ready('d1')])
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1', evicting), disk('d2')])), [])
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1'), disk('d2')], evicting)), ['warn'])
  t.end()
})

t.test('a replenish limit of 0 means that no copy is ever made', (t) => {
  const limited = (value: string) =>
    cluster('v1.10.0')
      .node('n1', [disk('d1')])
      .node('n2', [disk('d3')])
      .image('ubuntu', [ready('d1')])
      .setting('concurrent-backing-image-replenish-per-node-limit', value)
  const zero = limited('0')
  t.match(
    zero.judge(zero.toNode('n1', [disk('d1')], evicting)).filter((finding) => finding.rule === rule),
    [
      {
        effect: 'warn',
        subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
        doing: 'evicting node n1',
        found: 'the copy of backing image ubuntu on d1 has nowhere to go',
        why: /limit is 0.* The eviction does not finish\.$/,
        look: [/^kubectl/],
      },
    ],
  )
  const five = limited('5')
  t.strictSame(five.effects(rule, five.toNode('n1', [disk('d1')], evicting)), [])
  t.end()
})

t.test('by profile and mode', (t) => {
  const table = { A: ['warn'], B: ['warn'], C: ['warn'], none: [] }
  for (const profile of profiles) {
    const before = cluster(releases[profile])
      .node('n1', [disk('d1')])
      .image('ubuntu', [ready('d1')])
    const change = before.toNode('n1', [disk('d1')], evicting)
    t.strictSame(before.effects(rule, change), table[profile], profile)
    t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [], profile)
  }
  t.end()
})
