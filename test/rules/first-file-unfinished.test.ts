import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, noon, releases, withMode } from '../fixtures/cluster.ts'
import { copy, disk, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'first-file-unfinished'
const evicting = { evictionRequested: true }

/** The first file of fedora is being made on d1 of n1. */
const making = (release: string) =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .image('fedora', [copy('d1', 'in-progress')])
    .source('fedora', 'd1')

t.test('o6: an eviction where a first file is being made, by profile and disk', (t) => {
  const table = {
    'its own disk': { A: ['hold'], B: ['hold'], C: ['hold'], none: ['warn'] },
    'another disk of the node': { A: ['hold'], B: [], C: [], none: [] },
  }
  for (const profile of profiles) {
    const before = making(releases[profile])
    const own = before.toNode('n1', [disk('d1', evicting), disk('d2')])
    t.strictSame(before.effects(rule, own), table['its own disk'][profile], `its own disk on ${profile}`)
    const other = before.toNode('n1', [disk('d1'), disk('d2', evicting)])
    t.strictSame(
      before.effects(rule, other),
      table['another disk of the node'][profile],
      `another disk on ${profile}`,
    )
  }
  t.end()
})

t.test('a clean-up where the first file is being made, whatever the node', (t) => {
  const table = { A: ['hold'], B: ['hold'], C: ['hold'], none: ['warn'] }
  for (const profile of profiles) {
    const before = making(releases[profile])
    t.strictSame(before.effects(rule, before.cleanUp('fedora', ['d1'])), table[profile], profile)
  }
  const unowned = making('v1.8.0')
  unowned.map.remove('Node', 'n1', noon)
  t.match(unowned.judge(unowned.cleanUp('fedora', ['d1'])), [
    { rule, subjects: [{ diskUUID: uuid('d1'), image: 'fedora' }] },
    {},
  ])
  t.end()
})

t.test('nothing is found once the file is transferred, on other disks, or without a data source', (t) => {
  const done = making('v1.8.0').source('fedora', 'd1', true)
  t.strictSame(done.effects(rule, done.toNode('n1', [disk('d1', evicting), disk('d2')])), [])
  t.strictSame(done.effects(rule, done.cleanUp('fedora', ['d1'])), [])
  const elsewhere = making('v1.8.0').image('fedora', [copy('d1', 'in-progress'), ready('d2')])
  t.strictSame(elsewhere.effects(rule, elsewhere.cleanUp('fedora', ['d2'])), [])
  const without = making('v1.8.0').image('debian', [ready('d1')])
  t.strictSame(without.effects(rule, without.cleanUp('debian', ['d1'])), [])
  const unplaced = making('v1.8.0')
  unplaced.place('fedora', 'd1')
  t.strictSame(
    unplaced.effects(rule, unplaced.toNode('n1', [disk('d1', { ...evicting, synced: false }), disk('d2')])),
    [],
  )
  t.end()
})

t.test('the finding names image, disk and node, and where to look', (t) => {
  const before = making('v1.8.1')
  t.match(before.judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))[0], {
    rule,
    subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'fedora' }],
    doing: 'evicting d1 of n1',
    found: 'the first file of backing image fedora is still being made on d1',
    next: /^The request is allowed once the first file is there \(spec.fileTransferred is true\)/,
    look: ['kubectl -n longhorn-system get backingimagedatasources.longhorn.io fedora -o yaml'],
  })
  t.end()
})

t.test('modes', (t) => {
  const before = making('v1.8.1')
  const change = before.cleanUp('fedora', ['d1'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [])
  t.end()
})

t.test('a disk of unknown UUID may be the one that no node has, on which a first file is being made', (t) => {
  for (const [release, effects] of [
    [releases.A, ['hold']],
    [releases.B, ['hold']],
    [releases.C, []],
  ] as const) {
    const moved = cluster(release)
      .node('n2', [disk('d3', { evictionRequested: true })])
      .image('i9', [])
      .source('i9', 'd9')
    const fresh = disk('d9', { evictionRequested: true, synced: false })
    const joins = moved.toNode('n2', [disk('d3', { evictionRequested: true }), fresh])
    t.strictSame(moved.effects('first-file-unfinished', joins), effects, release)
    moved.node('n1', [disk('d9')])
    t.strictSame(moved.effects('first-file-unfinished', joins), [], 'another node has it')
  }
  t.end()
})
