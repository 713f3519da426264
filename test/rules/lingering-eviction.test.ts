import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, releases, withMode } from '../fixtures/cluster.ts'
import { disk, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'lingering-eviction'
const evicting = { evictionRequested: true }

/** d1 and d2 are evicted, and a copy on each disk is marked for it, but not the one on d3. */
const marked = (release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1', evicting), disk('d2', evicting), disk('d3'), disk('d4', { synced: false })])
    .image('ubuntu', [ready('d1', { evicting: true }), ready('d3')])

const cleared = [disk('d1'), disk('d2'), disk('d3'), disk('d4', { synced: false })]

t.test('the last flag cleared while a copy stays marked, by profile', (t) => {
  const table = { A: ['warn'], B: ['warn'], C: ['warn'], none: [] }
  for (const profile of profiles) {
    const before = marked(releases[profile])
    t.strictSame(before.effects(rule, before.toNode('n1', cleared)), table[profile], profile)
  }
  t.end()
})

t.test('while another flag stays up Longhorn removes the marks itself', (t) => {
  const before = marked()
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1'), disk('d2', evicting), disk('d3')])), [])
  t.end()
})

t.test('an image that is being deleted leaves nothing to keep', (t) => {
  const before = cluster('v1.8.0')
    .node('n1', [disk('d1', evicting)])
    .image('ubuntu', [ready('d1', { evicting: true })], {
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
    })
  t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1')])), [])
  t.end()
})

t.test('clearing is never more than warned about, whatever the mode', (t) => {
  const before = marked()
  const change = before.toNode('n1', cleared)
  t.strictSame(before.effects(rule, change, withMode(rule, 'enforce')), ['warn'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [])
  t.end()
})

t.test('the finding names the copy, and how to keep it', (t) => {
  const before = marked()
  t.match(before.judge(before.toNode('n1', cleared)), [
    {
      rule,
      subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
      doing: 'clearing the last eviction flag of node n1',
      found: 'backing image ubuntu stays marked for eviction on d1',
      next: /^To keep the copy, set evictionRequested to false/,
      look: [/^kubectl/],
    },
  ])
  t.end()
})
