import t from 'tap'
import { tables } from '../../../src/commands/status/tables.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { cluster, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, type RawNodeOptions } from '../../fixtures/raw-objects.ts'
import { look } from './look.ts'

/** Eighty seconds before the look. */
const note = { node: false, disks: ['d1'], at: '2026-01-01T12:00:10Z', by: 'ann' }

function noting(text: string): RawNodeOptions {
  return { metadata: { annotations: { [rescueAnnotation]: text } } }
}

/** The table of noted flags alone. */
function table(world: TestCluster): string {
  const server = 'https://lab:6443'
  const text = tables(look(world), { colours: coloursFor({ isTTY: false }, {}), wide: false, server })
  return /FLAGS NOTED[^]*?(?=\n\n|$)/.exec(text)?.[0] ?? ''
}

t.test('a status lists the flags that a rescue has noted, and what raises them again', (t) => {
  const byGuard = { ...note, node: true, disks: ['d2', 'd3'], at: 'soon', by: '', guard: { generation: 2 } }
  const world = cluster(releases.A)
    .node('n1', [disk('d1')], noting(JSON.stringify(note)))
    .node('n2', [disk('d2'), disk('d3')], noting(JSON.stringify(byGuard)))
    .node('n3', [disk('d4')], noting('what?'))
    .node(
      'n4',
      [disk('d5')],
      noting(JSON.stringify({ ...note, disks: [], by: '', guard: { generation: 1 } })),
    )
  t.equal(
    table(world),
    `FLAGS NOTED                  NODE   FOR       BY    NEXT
d1                           n1     80s       ann   holdfast rescue n1
(node),d2,d3                 n2     unknown   -     the guard raises them when that is safe. If none does: holdfast rescue n2
unreadable: it is not JSON   n3     unknown   -     holdfast rescue n3 --leave-cleared
none                         n4     80s       -     holdfast rescue n4 --leave-cleared
`,
  )
  t.end()
})

t.test('a status without such a note has no such table', (t) => {
  t.equal(table(cluster(releases.A).node('n1', [disk('d1')])), '')
  t.end()
})

t.test('the document has the note of each node', (t) => {
  const world = cluster(releases.A)
    .node('n1', [disk('d1')], noting(JSON.stringify({ ...note, guard: { generation: 2 } })))
    .node('n2', [disk('d2')])
  t.strictSame(
    look(world).nodes.map(({ noted }) => noted),
    [
      {
        ...{ node: false, disks: ['d1'], by: 'ann', problem: null },
        ...{ since: '2026-01-01T12:00:10.000Z', raisedBy: 'guard' },
      },
      null,
    ],
  )
  t.end()
})
