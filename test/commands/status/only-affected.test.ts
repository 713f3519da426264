import t from 'tap'
import { tables } from '../../../src/commands/status/tables.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { cluster, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { reservation } from '../../gate/reservation-book-contract.ts'
import { look } from './look.ts'

const closed = { allowScheduling: false }
const note = JSON.stringify({ node: true, disks: [], at: '2026-01-01T12:00:10Z', by: 'ann' })

/** Six nodes with something unusual, and two without. */
const mixed = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')], closed)
    .node('n3', [disk('d3', closed)])
    .node('n4', [disk('d4')])
    .node('n5', [disk('d5')], { metadata: { annotations: { [rescueAnnotation]: note } } })
    .node('n6', [disk('d6')])
    .node('n7', [disk('d7', { ...closed, evictionRequested: true })])
    .node('n8', [disk('d8')])
    .image('ubuntu', [pending('d4')])

/** A change on n6 that was admitted. */
const entries = [{ key: 'n6', version: undefined, reservations: [reservation('r')] }]

const affected = (of: TestCluster, only: readonly string[] = []) =>
  look(of, { onlyAffected: true, only: new Set(only), entries })

t.test('only nodes that are not in service and at rest are shown, and the others are counted', (t) => {
  const { nodes, nodesLeftOut } = affected(mixed())
  t.strictSame(
    nodes.map(({ name }) => name),
    ['n2', 'n3', 'n4', 'n5', 'n6', 'n7'],
  )
  t.equal(nodesLeftOut, 2)
  const named = affected(mixed(), ['n1', 'n2'])
  t.match(named, { nodes: [{ name: 'n2' }], nodesLeftOut: 1 })
  t.equal(look(mixed()).nodesLeftOut, 0)
  t.end()
})

t.test('the table says how many it leaves out, and does not say that there is no node', (t) => {
  const shown = (of: TestCluster, only?: readonly string[]) =>
    tables(affected(of, only), { colours: coloursFor({ isTTY: false }, {}), wide: false, server: 'lab' })
  t.match(shown(mixed()), /n3 [^]*\n2 more nodes are in service and at rest\.\n/)
  const atRest = shown(mixed(), ['n8'])
  t.match(atRest, /\n1 node is in service and at rest\.\n/)
  t.notMatch(atRest, /There is no Longhorn node|NODE/)
  t.match(shown(cluster('v1.8.0')), 'There is no Longhorn node.')
  t.end()
})
