import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, releases, type TestCluster, withMode } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawCopy, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'disk-removal-with-copies'

const holding = (copies: readonly RawCopy[], release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .image('ubuntu', copies)

t.test('a disk with any trace of a copy cannot be removed, by profile', (t) => {
  const table = { A: ['refuse'], B: ['refuse'], C: ['refuse'], none: ['warn'] }
  for (const profile of profiles) {
    for (const trace of [ready('d1'), copy('d1', 'unknown'), planned('d1'), pending('d1')]) {
      const before = holding([trace], releases[profile])
      t.strictSame(before.effects(rule, before.toNode('n1', [disk('d2')])), table[profile], profile)
      t.strictSame(
        before.effects(rule, before.deleteNode('n1')),
        table[profile],
        `with its node, on ${profile}`,
      )
    }
    const elsewhere = holding([ready('d2')], releases[profile])
    t.strictSame(
      elsewhere.effects(rule, elsewhere.toNode('n1', [disk('d2')])),
      [],
      `an empty disk on ${profile}`,
    )
  }
  t.end()
})

t.test('a disk that works on another node and not here, or has another name, is being moved', (t) => {
  const away = { notReady: { reason: 'DiskFilesystemChanged', since: '2026-01-01T11:59:00Z' } }
  const moved = cluster('v1.8.0')
    .node('n1', [disk('d1', away), disk('d2')])
    .image('ubuntu', [ready('d1')])
    .node('n2', [disk('d1')])
  t.strictSame(moved.judge(moved.toNode('n1', [disk('d2')])), [])
  t.strictSame(moved.judge(moved.deleteNode('n1')), [])
  const before = holding([ready('d1')])
  const renamed = before.toNode('n1', [disk('other', { diskUUID: uuid('d1') }), disk('d2')])
  t.strictSame(before.effects(rule, renamed), [])
  t.end()
})

t.test('a disk that a dead node lists too is the one that has the file', (t) => {
  const moved = cluster('v1.8.0')
    .node('n1', [disk('d1')], { notReady: { reason: 'KubernetesNodeGone' } })
    .node('n2', [disk('d1'), disk('d2')])
    .image('ubuntu', [ready('d1')])
  for (const change of [moved.toNode('n2', [disk('d2')]), moved.deleteNode('n2')])
    t.strictSame(moved.effects(rule, change), ['refuse'])
  t.strictSame(moved.effects(rule, moved.deleteNode('n1')), [], 'the dead node itself may go')
  t.end()
})

t.test('if several nodes show a UUID at the same time, the disk with the file is unknown', (t) => {
  const cloned = holding([ready('d1')])
    .node('n2', [disk('d1')])
    .node('n3', [disk('d1')])
  for (const change of [cloned.toNode('n1', [disk('d2')]), cloned.deleteNode('n1')]) {
    t.match(cloned.judge(change), [
      {
        rule,
        effect: 'warn',
        subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
        found: /, and a disk of n2, n3 has the same UUID$/,
        why: /may have been cloned\.$/,
        next: /delete longhorn-disk\.cfg on it .* remove it from its node and add it again/,
      },
    ])
  }
  const broken = { notReady: { reason: 'DiskNotReady' } }
  const nobody = cluster('v1.8.0')
    .node('n1', [disk('d1', broken)])
    .node('n2', [disk('d1', broken)])
    .image('ubuntu', [ready('d1')])
  t.strictSame(nobody.effects(rule, nobody.deleteNode('n1')), ['refuse'], 'it works nowhere')
  t.end()
})

t.test('nothing is known of a disk without UUID, and images on their way out do not count', (t) => {
  const unsynced = cluster('v1.8.0')
    .node('n1', [disk('d1', { synced: false })])
    .image('ubuntu', [ready('d1')])
  t.strictSame(unsynced.effects(rule, unsynced.toNode('n1', [])), [])
  const leaving = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')], { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })
  t.strictSame(leaving.effects(rule, leaving.toNode('n1', [])), [])
  t.end()
})

t.test('a node on its way out passes', (t) => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  const before = holding([ready('d1')]).node('n1', [disk('d1')], { metadata })
  t.strictSame(before.judge(before.deleteNode('n1')), [])
  t.strictSame(before.judge(before.toNode('n1', [])), [])
  t.end()
})

t.test('Longhorn’s uninstaller may delete a node that it has marked, and take no disk from it', (t) => {
  const metadata = { annotations: { 'longhorn.io/delete-node-from-longhorn': '' } }
  const before = holding([ready('d1')]).node('n1', [disk('d1')], { metadata })
  t.strictSame(before.judge(before.deleteNode('n1')), [])
  t.strictSame(before.effects(rule, before.toNode('n1', [], { metadata })), ['refuse'])
  t.end()
})

t.test('the finding names everything', (t) => {
  const before = holding([pending('d1')])
  t.match(before.judge(before.toNode('n1', [disk('d2')]))[0], {
    rule,
    subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
    doing: 'removing d1 of n1',
    found: 'a clean-up of backing image ubuntu is pending on d1 (ready)',
    next: 'Its clean-up is under way: wait until the status of ubuntu no longer lists the disk.',
    look: [/^kubectl/],
  })
  t.end()
})

t.test(
  'the way out is one that works: on this release, with this copy, while the disk does or does not',
  (t) => {
    const next = (of: TestCluster) =>
      of.judge(of.toNode('n1', [disk('d2')])).find((finding) => finding.rule === rule)?.next
    for (const profile of profiles) {
      const release = releases[profile]
      const evict = profile === 'none' ? /^This release does not move copies\./ : /^Empty the disk first: /
      t.match(next(holding([ready('d1')], release)), evict, profile)
      t.match(next(holding([copy('d1', 'failed')], release)), /^Clean the copy up first, and wait/, profile)
      t.match(next(holding([planned('d1')], release)), /^Clean the copy up first, and wait/, profile)
      const used = holding([planned('d1')], release).replica('pvc-1', 'ubuntu', 'd1', 'n1')
      t.match(next(used), evict, 'a replica asks for it')
      const broken = holding([ready('d1')], release).node('n1', [
        disk('d1', { notReady: { reason: 'DiskFilesystemChanged', since: '2026-01-01T11:59:00Z' } }),
        disk('d2'),
      ])
      t.match(
        next(broken),
        /^Bring the disk back: it is not ready, .* not been ready for longer than 10m may be removed/,
      )
    }
    t.end()
  },
)

t.test('modes', (t) => {
  const before = holding([ready('d1')])
  t.strictSame(before.effects(rule, before.deleteNode('n1'), withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, before.deleteNode('n1'), withMode(rule, 'off')), [])
  t.end()
})
