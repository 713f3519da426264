import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, longhornAccount, releases, withMode } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawCopy, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'last-usable-copy'

/** An image with these copies; n1 has d1 and d2, n2 is evicted and has d3, and no node has d9. */
const holding = (copies: readonly RawCopy[], release = 'v1.8.0', sourceType = 'download') =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')], { evictionRequested: true })
    .image('ubuntu', copies, { sourceType })

t.test('the copies that remain after a clean-up on d1 decide', (t) => {
  const table: [what: string, removed: RawCopy, left: RawCopy[], effects: string[]][] = [
    ['nothing', ready('d1'), [], ['refuse']],
    ['nothing, of a copy whose node is rebooting', copy('d1', 'unknown'), [], ['refuse']],
    ['nothing, of a copy in progress', copy('d1', 'in-progress'), [], ['refuse']],
    ['a ready copy', ready('d1'), [ready('d2')], []],
    ['a copy ready for transfer', ready('d1'), [copy('d2', 'ready-for-transfer')], []],
    ['a copy whose node is rebooting', ready('d1'), [copy('d2', 'unknown')], []],
    ['an unknown copy on a disk that no node has', ready('d1'), [copy('d9', 'unknown')], ['refuse']],
    ['a ready copy on a disk that no node has', ready('d1'), [ready('d9')], ['refuse']],
    ['a copy whose node is rebooting and evicted', ready('d1'), [copy('d3', 'unknown')], ['refuse']],
    ['a ready copy that is evicted, and replaced first', ready('d1'), [ready('d3')], []],
    ['a failed copy', ready('d1'), [copy('d2', 'failed')], ['refuse']],
    ['a copy in progress', ready('d1'), [copy('d2', 'in-progress')], ['refuse']],
    ['a planned copy', ready('d1'), [planned('d2')], ['refuse']],
    ['a copy that is being cleaned up', ready('d1'), [pending('d2')], ['refuse']],
    ['nothing, of a failed copy', copy('d1', 'failed'), [], []],
    ['nothing, of a copy that failed and is cleaned up', copy('d1', 'failed-and-cleanup'), [], []],
    ['nothing, of a planned copy', planned('d1'), [], []],
  ]
  for (const [what, removed, left, effects] of table) {
    const before = holding([removed, ...left])
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), effects, what)
  }
  t.end()
})

t.test('it is refused on every profile, to Longhorn too, and when the whole map is emptied', (t) => {
  for (const profile of profiles) {
    const before = holding([ready('d1'), ready('d2')], releases[profile])
    for (const actor of [longhornAccount, { username: 'ann', groups: [] }]) {
      t.strictSame(
        before.effects(rule, before.cleanUp('ubuntu', ['d1', 'd2'], { actor })),
        ['refuse'],
        profile,
      )
    }
  }
  t.end()
})

t.test('the finding names each copy that goes, and whether the image can be made again', (t) => {
  const before = holding([ready('d1'), copy('d9', 'unknown')], 'v1.8.0', 'upload')
  t.match(before.judge(before.cleanUp('ubuntu', ['d1', 'd9']))[0], {
    rule,
    subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }, { diskUUID: uuid('d9') }],
    doing: 'removing the copies of ubuntu on d1 of n1 and disk uuid-d9 (which no node has)',
    found: 'they are the last usable copies',
    why: 'ubuntu was uploaded, so Longhorn cannot make it again.',
    next: /^Wait until another copy is ready/,
    look: ['kubectl -n longhorn-system get backingimages.longhorn.io ubuntu -o yaml'],
  })
  const again = holding([ready('d1')])
  t.notMatch(again.judge(again.cleanUp('ubuntu', ['d1']))[0]?.why, /again/)
  t.end()
})

t.test('modes', (t) => {
  const before = holding([ready('d1')])
  const change = before.cleanUp('ubuntu', ['d1'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [])
  t.end()
})
