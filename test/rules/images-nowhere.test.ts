import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { sharedDisks } from '../../src/rules/disks-at-risk.ts'
import { imagesWithoutDisk, wayOut, whereItsCopiesAre } from '../../src/rules/copies-left.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, moment, noon, releases, type TestCluster, withMode } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawCopy, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'images-nowhere'
const evicting = { evictionRequested: true }
const gone = { reason: 'KubernetesNodeGone' }

/** n1 has d1, n2 is gone and has d2, and no node has d8 and d9. */
const holding = (copies: readonly RawCopy[], release = 'v1.9.2') =>
  cluster(release)
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')], { notReady: gone })
    .image('base', copies, { sourceType: 'upload' })

const circumstancesOf = ({ map }: TestCluster) => ({ map, policy: defaultPolicy, ...moment(noon) })

const nowhere = (of: TestCluster) =>
  [...imagesWithoutDisk(circumstancesOf(of))].map(({ image }) => image.metadata.name)

t.test('an image is nowhere if no disk that works has a usable copy', (t) => {
  const table: [what: string, copies: RawCopy[], isNowhere: boolean][] = [
    ['a ready copy', [ready('d1')], false],
    ['an unknown copy on a node that is up', [copy('d1', 'unknown')], false],
    ['a copy in progress', [copy('d1', 'in-progress')], false],
    ['a copy under a UUID that no node has', [ready('d9')], true],
    ['the same, unknown', [copy('d9', 'unknown')], true],
    ['the same, and another one that is well', [ready('d9'), ready('d1')], false],
    ['the same, and one that is only planned', [ready('d9'), planned('d1')], true],
    ['the same, and one that failed', [ready('d9'), copy('d1', 'failed')], true],
    ['the same, and one that is cleaned up', [ready('d9'), pending('d1')], true],
    ['a copy on a node that is gone', [copy('d2', 'unknown')], true],
    ['a copy in progress on a node that is gone', [copy('d2', 'in-progress')], true],
    ['a copy that was restored without status', [planned('d9')], true],
    ['copies that all failed: there never was a file', [copy('d1', 'failed'), copy('d9', 'failed')], false],
    ['no copy at all, a moment after it was made', [], false],
  ]
  for (const [what, copies, isNowhere] of table) {
    t.strictSame(nowhere(holding(copies)), isNowhere ? ['base'] : [], what)
  }
  t.strictSame(nowhere(holding([planned('d1')]).source('base', 'd1')), [], 'its first file is being made')
  t.strictSame(nowhere(holding([]).source('base', 'd1', true)), ['base'], 'it was made, and is on no disk')
  const leaving = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }
  t.strictSame(nowhere(holding([]).image('base', [ready('d9')], leaving)), [], 'it is being deleted')
  t.end()
})

t.test('the message says where Longhorn looks for it', (t) => {
  const findingsOn = (of: TestCluster) =>
    [...imagesWithoutDisk(circumstancesOf(of))].map((found) => whereItsCopiesAre(found, circumstancesOf(of)))
  t.strictSame(findingsOn(holding([copy('d9', 'unknown'), copy('d2', 'unknown')])), [
    'Longhorn looks for it on disk uuid-d9 (which no node has) (unknown) and on d2 of n2 (unknown): Kubernetes has no node n2 any more (KubernetesNodeGone)',
  ])
  t.strictSame(findingsOn(holding([]).source('base', 'd1', true)), ['no copy of it is wanted anywhere'])
  const many = ['d5', 'd6', 'd7', 'd8', 'd9'].map((name) => planned(name))
  t.match(findingsOn(holding(many)), [/uuid-d5 .*uuid-d7 \(which no node has\) and 2 more disks$/])
  const image = holding([]).map.image('base')
  if (!image) throw new Error('there is base')
  t.match(
    wayOut(image, 'storage'),
    /longhorn-disk\.cfg.*kubectl -n storage delete backingimages\.longhorn\.io base$/,
  )
  t.end()
})

t.test('while an image is nowhere, each eviction and each removal of a disk is warned about', (t) => {
  for (const profile of profiles) {
    const before = holding([ready('d9')], releases[profile])
    const changes = {
      'a node is evicted': before.toNode('n1', [disk('d1')], evicting),
      'a disk is evicted': before.toNode('n1', [disk('d1', evicting)]),
      'a disk is removed': before.toNode('n1', []),
      'a node is deleted': before.deleteNode('n1'),
    }
    for (const [what, change] of Object.entries(changes))
      t.strictSame(before.effects(rule, change), ['warn'], `${what} on ${profile}`)
    t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1')], { tags: ['x'] })), [])
    const well = holding([ready('d1')], releases[profile])
    t.strictSame(well.effects(rule, well.toNode('n1', [disk('d1')], evicting)), [])
  }
  t.end()
})

t.test('an image that Longhorn looks for on this very disk is left to other rules', (t) => {
  const lost = holding([copy('d2', 'unknown'), copy('d9', 'unknown')])
  t.strictSame(lost.effects(rule, lost.deleteNode('n2')), [])
  t.strictSame(lost.effects(rule, lost.deleteNode('n1')), ['warn'])
  t.end()
})

t.test('the finding names the image, the disk and the way out', (t) => {
  const before = holding([ready('d9')])
  t.match(before.judge(before.deleteNode('n1')), [
    {
      rule,
      subjects: [{ node: 'n1', image: 'base' }],
      doing: 'deleting node n1',
      found: /^backing image base has no usable copy /,
      why: /^Its file may be on d1 of n1, which is taken away\. Longhorn looks for it/,
      next: /write the old UUID into longhorn-disk\.cfg/,
    },
  ])
  const unsynced = holding([ready('d9')]).node('n3', [disk('d3', { synced: false }), disk('d4')])
  const why = (change: Parameters<TestCluster['judge']>[0]) =>
    unsynced.judge(change).find((finding) => finding.rule === rule)?.why
  t.match(why(unsynced.toNode('n3', [disk('d4')])), 'may be on d3 of n3, which is taken away')
  t.match(
    why(unsynced.toNode('n3', [disk('d3', { synced: false }), disk('d4')], evicting)),
    'may be on one of the disks of node n3, which is to be emptied',
  )
  t.end()
})

t.test('many of them are counted, and a disk that only joins is not asked about', (t) => {
  const many = holding([ready('d1')])
  for (let index = 0; index < 7; index += 1) many.image(`lost-${index}`, [ready('d9')])
  const findings = many.judge(many.deleteNode('n1')).filter((finding) => finding.rule === rule)
  t.equal(findings.length, 6)
  t.match(findings.at(-1), { found: /^2 more backing images/, next: /holdfast status/ })
  const flagged = holding([ready('d9')]).node('n1', [disk('d1', evicting)])
  const joins = flagged.toNode('n1', [disk('d1', evicting), disk('d3')])
  t.strictSame(flagged.effects(rule, joins), [])
  t.end()
})

t.test('a UUID that several nodes show is one disk to Longhorn', (t) => {
  const cloned = cluster()
    .node('n1', [disk('d1'), disk('d2'), disk('other', { diskUUID: uuid('d2') })])
    .node('n2', [disk('d1'), disk('new', { synced: false })])
    .node('n3', [disk('d1')])
  t.match(
    [...sharedDisks(cloned.map)],
    [{ diskUUID: uuid('d1'), owners: [{ node: 'n1' }, { node: 'n2' }, { node: 'n3' }] }],
    'two names on one node are no clones',
  )
  t.end()
})

t.test('modes', (t) => {
  const before = holding([ready('d9')])
  t.strictSame(before.effects(rule, before.deleteNode('n1'), withMode(rule, 'off')), [])
  t.end()
})
