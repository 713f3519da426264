import t from 'tap'
import { describe } from '../../src/gate/held-change.ts'
import type { Objection } from '../../src/gate/verdict.ts'
import type { Change } from '../../src/rules/change.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, ready } from '../fixtures/raw-objects.ts'
import { said } from '../fixtures/said.ts'

const world = cluster('v1.8.0')
  .node('n1', [disk('d1'), disk('d2')])
  .image('ubuntu', [pending('d1'), ready('d2')])
  .image('debian', [planned('d1'), copy('d2', 'in-progress', { progress: 12 }), copy('d3', 'failed')])

function objection(parts: Partial<Objection> = {}): Objection {
  return { rule: 'eviction-during-cleanup', effect: 'hold', subjects: [], ...said(), ...parts }
}

const facts = { id: 1, doing: 'evicting n1', since: 0, isRetry: false, until: 10 }

function describedWith(objections: readonly Objection[], change: Change = world.cleanUp('ubuntu', ['d2'])) {
  return describe(change, { ...facts, objections }, world.map)
}

t.test('a held change of an image names the nodes of its objections', (t) => {
  const subjects = [{ node: 'n1', disk: 'd1' }]
  const { nodes, object } = describedWith([objection({ subjects }), objection({ subjects }), objection()])
  t.strictSame(nodes, ['n1'])
  t.strictSame(object, { kind: 'BackingImage', name: 'ubuntu', uid: 'uid-ubuntu' })
  t.end()
})

t.test('a held creation of an image names no node, and a held deletion of a node names it', (t) => {
  t.match(describedWith([], world.place('new', 'd1')), {
    operation: 'CREATE',
    object: { name: 'new' },
    nodes: [],
  })
  t.match(describedWith([], world.deleteNode('n1')), {
    operation: 'DELETE',
    object: { name: 'n1' },
    nodes: ['n1'],
  })
  t.end()
})

t.test('a cause has a start time only if it is a pending clean-up that the map knows', (t) => {
  const of = (parts: Partial<Objection>) => describedWith([objection(parts)]).causes[0]?.since
  t.equal(of({ subjects: [{ image: 'ubuntu', diskUUID: 'uuid-d1' }] }), noon)
  t.equal(of({ subjects: [{ image: 'ubuntu', diskUUID: 'uuid-d9' }] }), undefined)
  t.equal(of({ subjects: [{ node: 'n1' }] }), undefined)
  t.equal(of({ subjects: [{ image: 'ubuntu', diskUUID: 'uuid-d1' }], until: 7 }), undefined)
  t.equal(of({ subjects: [{ image: 'ubuntu', diskUUID: 'uuid-d1' }], rule: 'evict-unready-copy' }), undefined)
  t.end()
})

t.test('a cause that time alone ends has its end time', (t) => {
  t.match(describedWith([objection({ until: 7 })]).causes, [{ until: 7, found: 'f', subject: {} }])
  t.end()
})

t.test('the progress is that of a copy of the image that is on its way', (t) => {
  const of = (image: string, rule: Objection['rule'] = 'evict-unready-copy') =>
    describedWith([objection({ rule, subjects: [{ image }] })]).causes[0]?.progress
  t.equal(of('debian'), 12)
  t.equal(of('debian', 'eviction-during-cleanup'), undefined, 'a clean-up has none')
  t.equal(of('ubuntu'), undefined, 'its copies are ready, or go')
  t.equal(of('gone'), undefined)
  t.match(describedWith([objection({ rule: 'eviction-budget', subjects: [{ node: 'n1' }] })]).causes, [
    { progress: undefined },
  ])
  t.end()
})
