import t from 'tap'
import { findingOf } from '../../src/gate/conflict-finding.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready, uuid } from '../fixtures/raw-objects.ts'
import { reservation } from './reservation-book-contract.ts'

/** The message to the second change about another one with this reservation. */
function findingOn(more: Partial<Reservation>): string {
  const world = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .image('ubuntu', [ready('d1'), ready('d2')])
  const stored = { ...reservation('a'), name: 'x', ...more }
  const claim = { entry: 'n1', intent: stored.intent, disks: stored.disks }
  const conflict = { claim, reservation: stored, until: 70_000, metAt: 0 }
  const { found } = findingOf(world.cleanUp('ubuntu', ['d1']), conflict, world.map)
  return /^(.*) came first /.exec(found)?.[1] ?? found
}

const one = [uuid('d1')]

t.test('a conflict names the effect of the other change, as far as its reservation shows it', (t) => {
  const [ofNode, ofImage] = [{ kind: 'Node' } as const, { kind: 'BackingImage' } as const]
  t.equal(findingOn({ ...ofNode, intent: 'eviction', disks: 'any' }), 'an eviction')
  t.equal(
    findingOn({ ...ofNode, intent: 'eviction', disks: one }),
    'an eviction, or the removal of a disk or of its node',
  )
  t.equal(findingOn({ ...ofNode, intent: 'removal', disks: one }), 'the removal of a disk or of its node')
  t.equal(findingOn({ ...ofImage, intent: 'removal', disks: one }), 'a clean-up')
  t.equal(
    findingOn({ kind: 'BackingImageDataSource', intent: 'placement', disks: one }),
    'the making of a first file',
  )
  t.equal(
    findingOn({ ...ofNode, intent: 'keep', disks: one }),
    'an eviction, or the removal of a disk or of its node, which counts on other copies to stay',
  )
  t.equal(
    findingOn({ ...ofImage, intent: 'keep', disks: one }),
    'a clean-up, which counts on other copies to stay',
  )
  t.equal(findingOn({ ...ofNode, intent: 'write', disks: 'any' }), 'a write through a proxy')
  t.end()
})
