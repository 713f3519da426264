import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { isInDanger } from '../../src/rules/disks-at-risk.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, pending, type RawDisk, type RawNodeOptions } from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }

/** The profiles on which a node is in danger. */
function where(disks: readonly RawDisk[], options: RawNodeOptions = {}): string[] {
  const { map } = cluster()
    .node('n1', disks, options)
    .image('ubuntu', [pending('d1')])
  const node = map.node('n1')
  return node ? profiles.filter((profile) => isInDanger(node, map, profile)) : []
}

t.test('a node is in danger where a flag and a pending clean-up meet as its release looks at it', (t) => {
  t.strictSame(where([disk('d1'), disk('d2')]), [], 'no flag')
  t.strictSame(where([disk('d2')], evicting), [], 'nothing pending here')
  t.strictSame(where([disk('d1'), disk('d2', evicting)]), ['A'], 'another disk is evicted')
  t.strictSame(where([disk('d1', evicting)]), ['A', 'B'], 'this disk is evicted')
  t.strictSame(where([disk('d1')], evicting), ['A', 'B'], 'the whole node is')
  t.end()
})
