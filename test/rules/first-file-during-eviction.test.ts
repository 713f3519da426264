import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, releases, withMode } from '../fixtures/cluster.ts'
import { disk, uuid } from '../fixtures/raw-objects.ts'

const rule = 'first-file-during-eviction'
const evicting = { evictionRequested: true }

const flagged = (release: string) =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2', evicting)])
    .node('n2', [disk('d3')])

t.test('o5: the first file of a new image on a disk of a flagged node, by profile', (t) => {
  const anyDisk = { A: ['refuse'], B: [], C: [], none: [] }
  const evictedDisk = { A: ['refuse'], B: ['refuse'], C: [], none: [] }
  for (const profile of profiles) {
    const before = flagged(releases[profile])
    t.strictSame(before.effects(rule, before.place('fedora', 'd1')), anyDisk[profile], profile)
    t.strictSame(before.effects(rule, before.place('fedora', 'd2')), evictedDisk[profile], profile)
    t.strictSame(before.effects(rule, before.place('fedora', 'd3')), [], `another node on ${profile}`)
    t.strictSame(
      before.effects(rule, before.place('fedora', 'd9')),
      [],
      `a disk that no node has on ${profile}`,
    )
  }
  t.end()
})

t.test('a first file that moves to a flagged node counts, one that stays does not', (t) => {
  const before = flagged('v1.8.0').source('fedora', 'd3')
  t.strictSame(before.effects(rule, before.place('fedora', 'd1')), ['refuse'])
  const there = flagged('v1.8.0').source('fedora', 'd1')
  t.strictSame(there.effects(rule, there.place('fedora', 'd1')), [])
  const again = flagged('v1.8.0').source('fedora', 'd1', true)
  t.strictSame(again.effects(rule, again.place('fedora', 'd1')), ['refuse'], 'one that is made anew')
  t.end()
})

t.test('the finding names everything and the alternative', (t) => {
  const before = flagged('v1.8.0')
  t.match(before.judge(before.place('fedora', 'd1')), [
    {
      subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'fedora' }],
      doing: 'placing the first file of fedora on d1 of n1',
      found: 'an eviction is requested on n1',
      why: /status before spec.* Longhorn v1\.8\.0 crashes/,
      next: /another node, or wait until no eviction is requested on n1\.$/,
      look: [/^kubectl .* n1 -o yaml$/],
    },
  ])
  t.end()
})

t.test('modes', (t) => {
  const before = flagged('v1.8.0')
  t.strictSame(before.effects(rule, before.place('fedora', 'd1'), withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, before.place('fedora', 'd1'), withMode(rule, 'off')), [])
  t.end()
})

t.test('a disk of a dead node may have been moved to a flagged node that has not found it out yet', (t) => {
  const moved = cluster('v1.8.0')
    .node('n1', [disk('d9')], { notReady: { reason: 'KubernetesNodeGone' } })
    .node('n2', [disk('new', { ...evicting, synced: false })])
  t.strictSame(moved.effects(rule, moved.place('fedora', 'd9')), ['refuse'])
  t.end()
})

t.test('a disk that no node has may be one that a flagged node has not found out yet', (t) => {
  for (const [release, effects] of [
    [releases.A, ['refuse']],
    [releases.B, ['refuse']],
    [releases.C, []],
  ] as const) {
    const moved = cluster(release).node('n2', [disk('d9', { ...evicting, synced: false })])
    t.strictSame(moved.effects(rule, moved.place('fedora', 'd9')), effects, release)
    t.strictSame(moved.node('n1', [disk('d9')]).effects(rule, moved.place('fedora', 'd9')), [])
  }
  t.end()
})
