import t from 'tap'
import {
  nextReopening,
  reopenPatch,
  stillClosed,
  unmarkPatch,
} from '../../../src/commands/evict/next-reopening.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { cluster, releases } from '../../fixtures/cluster.ts'
import { disk, ready, uuid } from '../../fixtures/raw-objects.ts'

const closed = { allowScheduling: false }
const evicting = { evictionRequested: true }
const flagged = { ...closed, ...evicting }
const node = { node: 'n1', disk: undefined }
const only = { node: 'n1', disk: 'd1' }
const marked = ready('d1', { evicting: true })

/** n1 with two disks of these switches, and an image with a copy on d1 and elsewhere. */
function world(switches: object, d1: object = {}, d3: object = {}, copy = ready('d1')) {
  return cluster(releases.A)
    .node('n1', [disk('d1', d1), disk('d3', d3)], switches)
    .node('n2', [disk('d2')])
    .image('ubuntu', [copy, ready('d2')]).map
}

t.test('first the flags go down and scheduling opens, then marks are cleared', (t) => {
  t.strictSame(nextReopening(node, world(flagged, flagged, {}, marked)), {
    step: 'open',
    flags: ['the node', 'disk d1'],
    closed: true,
  })
  t.strictSame(nextReopening(node, world(closed, {}, {}, marked)), { step: 'open', flags: [], closed: true })
  t.strictSame(nextReopening(node, world({}, {}, {}, marked)), {
    step: 'unmark',
    marks: [{ image: 'ubuntu', disks: [uuid('d1')] }],
  })
  t.strictSame(nextReopening(node, world({})), { step: 'done' })
  t.end()
})

t.test('the note of a rescue goes too, or its flags would go up again', (t) => {
  const guard = { generation: 3 }
  const note = { node: true, disks: ['d1', 'd3'], at: 'then', by: 'ann', guard }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  const noted = (switches: object = {}) => world({ ...switches, metadata: { annotations } })
  const patch = (target: typeof node | typeof only, switches: object = {}) => {
    const found = noted(switches).node('n1')
    return found && reopenPatch(target, found)
  }
  t.strictSame(nextReopening(node, noted()), { step: 'open', flags: [], closed: false, noted: true })
  t.strictSame(patch(node), { metadata: { annotations: { [rescueAnnotation]: null } } })
  t.match(patch(node, closed), {
    metadata: { annotations: { [rescueAnnotation]: null } },
    spec: { allowScheduling: true },
  })
  const left = JSON.stringify({ ...note, disks: ['d3'] })
  t.strictSame(patch(only), { metadata: { annotations: { [rescueAnnotation]: left } } }, 'of a disk its own')
  t.end()
})

t.test('a disk is reopened by itself, unless its whole node is evicted', (t) => {
  t.strictSame(nextReopening(only, world({}, flagged, flagged)), {
    step: 'open',
    flags: ['disk d1'],
    closed: true,
  })
  t.match(nextReopening(only, world(flagged)), {
    step: 'impossible',
    problem: /requested on the whole node n1: reopen that/,
  })
  t.strictSame(nextReopening(only, world({}, {}, flagged)), { step: 'done' }, 'the other disk is not its own')
  t.match(nextReopening({ node: 'n9', disk: undefined }, world({})), { step: 'impossible' })
  t.end()
})

t.test('the patch takes back what an eviction of the node has written, and no more', (t) => {
  const patch = (switches: object, d1: object = {}, target: typeof node | typeof only = node) => {
    const found = world(switches, d1).node('n1')
    return found && reopenPatch(target, found)
  }
  const open = { allowScheduling: true, evictionRequested: false }
  t.strictSame(patch(flagged), { spec: open })
  t.strictSame(patch(closed, closed), { spec: open }, 'a disk that is closed by itself stays so')
  t.strictSame(patch(flagged, evicting), { spec: { ...open, disks: { d1: { evictionRequested: false } } } })
  t.strictSame(patch({}, flagged, only), { spec: { disks: { d1: open } } })
  t.equal(patch({}), undefined)
  t.strictSame(stillClosed(node, world({}, closed)), ['d1'])
  t.strictSame(stillClosed(only, world({}, closed)), [])
  t.end()
})

t.test('only marks that are still there are cleared, so that no copy comes back', (t) => {
  const specs = new Map([
    ['a', { evictionRequested: true }],
    ['b', { evictionRequested: false }],
  ])
  t.strictSame(unmarkPatch(['a', 'b', 'gone'], specs), {
    spec: { diskFileSpecMap: { a: { evictionRequested: false } } },
  })
  t.equal(unmarkPatch(['b', 'gone'], specs), undefined)
  t.end()
})

t.test('marks of a disk that another node with the same UUID evicts are left alone', (t) => {
  const { map } = cluster(releases.A)
    .node('n1', [disk('d1')])
    .node('n2', [disk('d1')], flagged)
    .image('ubuntu', [marked, ready('d2')])
  t.strictSame(nextReopening(node, map), { step: 'done' })
  t.end()
})
