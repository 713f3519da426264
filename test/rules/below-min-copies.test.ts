import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, longhornAccount, releases, withMode } from '../fixtures/cluster.ts'
import { copy, disk, type RawCopy, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'below-min-copies'
const evicting = { evictionRequested: true }

const holding = (copies: readonly RawCopy[], minNumberOfCopies = 2, release = 'v1.10.0') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .node('n3', [disk('d4')], evicting)
    .image('ubuntu', copies, { minNumberOfCopies })

t.test('a clean-up of d1 that leaves too few is refused to people and warned about for Longhorn', (t) => {
  const table: [what: string, copies: RawCopy[], tooFew: boolean][] = [
    ['one of two', [ready('d1'), ready('d3')], true],
    ['two of two', [ready('d1'), ready('d2'), ready('d3')], false],
    ['one ready and one unknown of two', [ready('d1'), ready('d2'), copy('d3', 'unknown')], true],
    ['one of two on a disk, and one that no node has', [ready('d1'), ready('d3'), ready('gone')], true],
    ['one of two, by taking an unknown one', [copy('d1', 'unknown'), ready('d3')], true],
    ['one of two, as before: a failed one goes', [copy('d1', 'failed'), ready('d3')], false],
  ]
  for (const profile of profiles) {
    for (const [what, copies, tooFew] of table) {
      const before = holding(copies, 2, releases[profile])
      t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), tooFew ? ['refuse'] : [], what)
      const byLonghorn = before.cleanUp('ubuntu', ['d1'], { actor: longhornAccount })
      t.strictSame(before.effects(rule, byLonghorn), tooFew ? ['warn'] : [], `${what}, by Longhorn`)
    }
  }
  t.end()
})

t.test('a copy on a disk that no node has may go, and the warning says why', (t) => {
  const before = holding([ready('d9'), ready('d3')])
  t.match(before.judge(before.cleanUp('ubuntu', ['d9'])), [
    {
      rule,
      effect: 'warn',
      why: /^The copy is on a lost disk, and does not count: no node has disk uuid-d9\.$/,
    },
  ])
  t.end()
})

t.test('Longhorn is the service account in its namespace', (t) => {
  const before = holding([ready('d1'), ready('d3')])
  const change = before.cleanUp('ubuntu', ['d1'], { actor: longhornAccount })
  t.strictSame(before.effects(rule, change, { longhornNamespace: 'storage' }), ['refuse'])
  t.end()
})

t.test('an eviction that leaves too few elsewhere is warned about, once for each image', (t) => {
  const table: [what: string, copies: RawCopy[], effects: string[]][] = [
    ['one elsewhere', [ready('d1'), ready('d3')], ['warn']],
    ['one elsewhere that is evicted too', [ready('d1'), ready('d3'), ready('d4')], ['warn']],
    ['one elsewhere, and one that no node has', [ready('d1'), ready('d3'), ready('gone')], ['warn']],
    ['both on the node', [ready('d1'), ready('d2')], ['warn']],
    ['an unready one goes', [copy('d1', 'unknown'), ready('d3')], []],
  ]
  for (const [what, copies, effects] of table) {
    const before = holding(copies)
    t.strictSame(before.effects(rule, before.toNode('n1', [disk('d1'), disk('d2')], evicting)), effects, what)
  }
  const enough = holding([ready('d1'), ready('d3')], 1)
  t.strictSame(enough.effects(rule, enough.toNode('n1', [disk('d1'), disk('d2')], evicting)), [])
  t.end()
})

t.test('the findings name everything', (t) => {
  const before = holding([ready('d1'), ready('d3')])
  const subject = { node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }
  t.match(before.judge(before.cleanUp('ubuntu', ['d1']))[0], {
    subjects: [subject],
    doing: 'removing the copy of ubuntu on d1 of n1',
    found: 'the image would have 1 ready copy and must have 2',
    next: /^Add a disk .* and wait until 2 other copies are ready, or lower spec.minNumberOfCopies\.$/,
    look: [/^kubectl/],
  })
  const only = holding([ready('d1')]).image('ubuntu', [ready('d1')], { minNumberOfCopies: 1 })
  t.match(
    only.judge(only.cleanUp('ubuntu', ['d1'])).find((finding) => finding.rule === rule)?.next,
    /wait until 1 other copy is ready/,
  )
  t.match(before.judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))[0], {
    subjects: [subject],
    doing: 'evicting d1 of n1',
    found: 'backing image ubuntu has 1 ready copy elsewhere and must have 2',
  })
  t.end()
})

t.test('modes', (t) => {
  const before = holding([ready('d1'), ready('d3')])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'off')), [])
  t.end()
})
