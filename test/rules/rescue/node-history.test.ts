import t from 'tap'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { noFlags } from '../../../src/rules/rescue/flags.ts'
import { KnownSpecs } from '../../../src/rules/rescue/node-history.ts'
import { cluster, releases } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'

const up = { evictionRequested: true }
const closed = { allowScheduling: false }
const open = { allowScheduling: true }

/** n1 in this generation, with a note of the guard's on it. */
function node(generation: number, d1: object = {}, noted = { disks: ['d1'], generation: 4 }) {
  const { disks } = noted
  const note = { node: false, disks, at: '', by: 'guard', guard: { generation: noted.generation } }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  const found = cluster(releases.A)
    .node('n1', [disk('d1', { ...closed, ...d1 }), disk('d3', closed)], {
      metadata: { annotations, generation },
    })
    .map.node('n1')
  if (!found) throw new Error('there is no n1')
  return found
}

function seen(...versions: readonly ReturnType<typeof node>[]): boolean {
  const specs = new KnownSpecs()
  for (const version of versions) specs.see('n1', version)
  const { rescue } = versions.at(-1) ?? {}
  return specs.isKnown('n1', rescue?.ok === true ? { node: false, disks: rescue.value.disks } : noFlags)
}

t.test('one change at a time, and no noted flag up in between, is known', (t) => {
  t.ok(seen(node(4)), 'as it was written')
  t.ok(seen(node(4), node(4), node(5), node(6), node(7)))
  t.ok(seen(node(5)), 'one unseen change cannot raise a flag and take it down')
  t.end()
})

t.test('two unseen changes may have raised a flag and taken it down', (t) => {
  t.notOk(seen(node(6)))
  t.notOk(seen(node(4), node(6)))
  t.notOk(seen(node(4), node(6), node(6), node(7)), 'for as long as the note stays')
  t.notOk(seen(node(3)), 'a person has edited the note, or restored the node')
  t.end()
})

t.test('a noted flag that was up is not unknown', (t) => {
  t.notOk(seen(node(4), node(5, up), node(6)))
  const struck = { disks: ['d3'], generation: 5 }
  t.ok(seen(node(4), node(5, up), node(5, up, struck), node(6, {}, struck)), 'a new note begins anew')
  t.end()
})

t.test('a noted flag is unknown once a person has opened its disk for scheduling', (t) => {
  t.notOk(seen(node(4), node(5, open)))
  t.notOk(seen(node(4), node(5, open), node(6)), 'also if they close it again')
  t.end()
})

t.test('the noted flag of a node is unknown once a person has opened the node for scheduling', (t) => {
  const note = { node: true, disks: [], at: '', by: 'guard', guard: { generation: 4 } }
  const metadata = { annotations: { [rescueAnnotation]: JSON.stringify(note) }, generation: 5 }
  for (const allowScheduling of [false, true]) {
    const specs = new KnownSpecs()
    const { map } = cluster(releases.A).node('n1', [disk('d1')], { metadata, allowScheduling })
    specs.see('n1', map.node('n1'))
    t.equal(specs.isKnown('n1', { node: true, disks: [] }), !allowScheduling, 'whatever its disks allow')
  }
  t.end()
})

t.test('nothing is known of nodes without a note of the guard', (t) => {
  const specs = new KnownSpecs()
  t.ok(specs.isKnown('n1', { node: false, disks: ['d1'] }))
  specs.see('n1', node(9))
  t.notOk(specs.isKnown('n1', { node: false, disks: ['d1'] }))
  specs.see('n1', undefined)
  t.ok(specs.isKnown('n1', { node: false, disks: ['d1'] }))
  t.end()
})

t.test('a noted flag that went up and down stays unknown while another one is up', (t) => {
  const both = { disks: ['d1', 'd3'], generation: 4 }
  const specs = new KnownSpecs()
  for (const version of [node(4, {}, both), node(5, up, both), node(6, {}, both)]) specs.see('n1', version)
  t.notOk(specs.isKnown('n1', { node: false, disks: ['d1'] }))
  t.ok(specs.isKnown('n1', { node: false, disks: ['d3'] }))
  t.end()
})
