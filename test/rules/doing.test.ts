import t from 'tap'
import { actsOf, type Change } from '../../src/rules/change.ts'
import { doing } from '../../src/rules/doing.ts'
import type { Subject } from '../../src/rules/finding.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { disk, ready, uuid } from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }

const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2'), disk('d3'), disk('d4')])
    .node('n2', [disk('d5')])
    .image('ubuntu', [ready('d1'), ready('d2'), ready('d5'), ready('d9')])

function words(of: TestCluster, change: Change, about?: readonly Subject[]): string {
  return doing(actsOf(change), of.map, about)
}

t.test('the name of a change has its effect, the disk and the node', (t) => {
  const of = usual()
  const four = ['d1', 'd2', 'd3', 'd4']
  const all = four.map((name) => disk(name))
  const flagged = cluster('v1.8.0').node('n1', [disk('d1', evicting)])
  const table: [change: Change, wanted: string][] = [
    [of.toNode('n1', all, evicting), 'evicting node n1'],
    [of.toNode('n1', [disk('d1'), disk('d2', evicting), ...all.slice(2)]), 'evicting d2 of n1'],
    [
      of.toNode(
        'n1',
        four.map((name) => disk(name, evicting)),
      ),
      'evicting d1, d2, d3 and 1 more of n1',
    ],
    [flagged.toNode('n1', [disk('d1', evicting), disk('d2')]), 'adding d2 to node n1 while it is evicted'],
    [cluster().node('n3', []).toNode('n3', [], evicting), 'evicting node n3'],
    [of.toNode('n1', all.slice(2)), 'removing d1 and d2 of n1'],
    [of.deleteNode('n1'), 'deleting node n1'],
    [of.cleanUp('ubuntu', ['d1']), 'removing the copy of ubuntu on d1 of n1'],
    [
      of.cleanUp('ubuntu', ['d5', 'd9']),
      'removing the copies of ubuntu on d5 of n2 and disk uuid-d9 (which no node has)',
    ],
    [of.place('fedora', 'd5'), 'placing the first file of fedora on d5 of n2'],
    [flagged.toNode('n1', [disk('d1')]), 'clearing the last eviction flag of node n1'],
    [
      of.toNode('n1', [disk('d1', evicting), disk('d2'), disk('d3')]),
      'evicting d1 of n1 and removing d4 of n1',
    ],
  ]
  for (const [change, wanted] of table) t.equal(words(of, change), wanted)
  t.end()
})

t.test('a finding names only its own disks of several', (t) => {
  const of = usual()
  const cleanUp = of.cleanUp('ubuntu', ['d1', 'd2', 'd5', 'd9'])
  t.equal(words(of, cleanUp), 'removing the copies of ubuntu on d1 of n1, d2 of n1, d5 of n2 and 1 more')
  t.equal(words(of, cleanUp, [{ diskUUID: uuid('d5') }]), 'removing the copy of ubuntu on d5 of n2')
  t.match(words(of, cleanUp, [{ image: 'ubuntu' }]), / and 1 more$/, 'all, where it names none')
  t.match(words(of, of.toNode('n1', []), [{ node: 'n1' }]), /^removing d1, d2, d3 and 1 more of n1$/)
  t.equal(words(of, of.toNode('n1', []), [{ node: 'n1', disk: 'd3' }]), 'removing d3 of n1')
  of.node('n4', [disk('d5')])
  t.equal(
    words(of, cleanUp, [{ node: 'n4', disk: 'd5', diskUUID: uuid('d5') }]),
    'removing the copy of ubuntu on d5 of n4',
    'the node that the finding names, where two have the disk',
  )
  t.end()
})
