import t from 'tap'
import { rescueAnnotation } from '../../src/longhorn/rescue-note.ts'
import { KnownSpecs } from '../../src/rescue/known-specs.ts'
import { cluster, releases } from '../fixtures/cluster.ts'
import { disk } from '../fixtures/raw-objects.ts'

const up = { evictionRequested: true }

/** n1 in this generation, with a note of the guard's on it. */
function node(generation: number, d1: object = {}, noted = { disks: ['d1'], generation: 4 }) {
  const { disks } = noted
  const note = { node: false, disks, at: '', by: 'guard', guard: { generation: noted.generation } }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  const found = cluster(releases.A)
    .node('n1', [disk('d1', d1), disk('d3')], { metadata: { annotations, generation } })
    .map.node('n1')
  if (!found) throw new Error('there is no n1')
  return found
}

function seen(...versions: readonly ReturnType<typeof node>[]): boolean {
  const specs = new KnownSpecs()
  for (const version of versions) specs.see('n1', version)
  return specs.isKnown('n1')
}

t.test('one change at a time, and no noted flag up in between, is known', (t) => {
  t.ok(seen(node(4)), 'as it was written')
  t.ok(seen(node(4), node(4), node(5), node(6), node(7)))
  t.ok(seen(node(5)), 'one change that nobody saw: it cannot raise a flag and take it down')
  t.end()
})

t.test('two changes that nobody saw may have raised a flag and taken it down', (t) => {
  t.notOk(seen(node(6)))
  t.notOk(seen(node(4), node(6)))
  t.notOk(seen(node(4), node(6), node(6), node(7)), 'for as long as the note stays')
  t.notOk(seen(node(3)), 'somebody has edited the note, or restored the node')
  t.end()
})

t.test('a noted flag that was up is not unknown', (t) => {
  t.notOk(seen(node(4), node(5, up), node(6)))
  const struck = { disks: ['d3'], generation: 5 }
  t.ok(seen(node(4), node(5, up), node(5, up, struck), node(6, {}, struck)), 'a new note begins anew')
  t.end()
})

t.test('nothing is told of nodes without a note of the guard', (t) => {
  const specs = new KnownSpecs()
  t.ok(specs.isKnown('n1'))
  specs.see('n1', node(9))
  t.notOk(specs.isKnown('n1'))
  specs.see('n1', undefined)
  t.ok(specs.isKnown('n1'))
  t.end()
})
