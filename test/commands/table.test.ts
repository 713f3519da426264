import t from 'tap'
import { table, tableParts, tableRow } from '../../src/commands/table.ts'
import { coloursFor } from '../../src/commands/terminal.ts'
import { widthOf } from '../../src/text/wrap.ts'

const columns = [
  { heading: 'NODE', cell: ({ node }: Row) => node },
  { heading: 'CHANGE', cell: ({ change }: Row) => change },
  { heading: 'REASON', cell: ({ reason }: Row) => reason, below: 'sentence' as const },
]

interface Row {
  readonly node: string
  readonly change: string
  readonly reason: string
}

const row: Row = {
  node: 'ip-10-0-12-34.eu-west-1.compute.internal',
  change: 'evict disk-2 of node-1',
  reason: 'backing image ubuntu-22.04 is still being removed from disk-1 (for 12s)',
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map(widthOf))
}

t.test('a row is one line of any width if no terminal is there', (t) => {
  const text = table(columns, [row])
  t.equal(text.split('\n').length, 3)
  t.match(text, `${row.node}   ${row.change}   ${row.reason}`)
  t.end()
})

t.test('a table has as many rows as there are', (t) => {
  // More than one call of a function takes as arguments.
  const many = Array.from({ length: 150_000 }, (_, at) => String(at))
  const number = { heading: 'NUMBER', cell: (text: string) => text }
  t.equal(tableParts([number], many).rows.length, many.length)
  t.equal(tableParts([number, { ...number, cell: () => 'x y' }], many, { width: 8 }).rows.length, many.length)
  t.end()
})

t.test('a cell has as many words as there are', (t) => {
  const words = Array.from({ length: 150_000 }, () => 'x').join(' ')
  t.equal(
    table([{ heading: 'WORDS', cell: () => words }], [0], { width: 8, headers: false }).split('\n').length,
    37_501,
  )
  t.end()
})

t.test('on a narrow terminal a sentence stands below its row', (t) => {
  t.equal(
    table(columns, [row], { width: 80 }),
    `NODE                                       CHANGE
${row.node}   ${row.change}
    backing image ubuntu-22.04 is still being removed from disk-1 (for 12s)
`,
  )
  t.equal(table(columns, [row], { width: 200 }), table(columns, [row]), 'and beside it where there is room')
  t.equal(table(columns, [{ ...row, reason: '' }], { width: 70 }).split('\n').length, 3, 'if there is one')
  t.end()
})

t.test('no line is wider than the terminal: the widest cells take several lines', (t) => {
  for (const width of [40, 50, 60, 80]) t.ok(widest(table(columns, [row], { width })) <= width, String(width))
  t.equal(
    table(columns.slice(0, 2), [{ ...row, change: 'evict node-1' }], { width: 40 }),
    `NODE                        CHANGE
ip-10-0-12-34.eu-west-1.    evict node-1
compute.internal
`,
  )
  t.end()
})

t.test('details stand below a narrow row too, behind their headings', (t) => {
  const more = [
    ...columns.slice(0, 2),
    { heading: 'DOOR', cell: () => 'webhook', below: 'detail' as const },
    { heading: 'REPLICA', cell: () => '', below: 'detail' as const },
    { heading: 'WAITED', cell: () => '6s', below: 'detail' as const },
  ]
  t.equal(
    table(more, [row], { width: 80 }),
    `NODE                                       CHANGE
${row.node}   ${row.change}
    DOOR webhook   WAITED 6s
`,
  )
  t.end()
})

t.test('the space between columns shrinks before a cell is broken', (t) => {
  const rows = [{ node: 'a'.repeat(20), change: 'b'.repeat(20), reason: '' }]
  t.equal(
    table(columns.slice(0, 2), rows, { width: 42 }).split('\n')[1],
    `${'a'.repeat(20)}  ${'b'.repeat(20)}`,
  )
  t.end()
})

t.test('each line of a painted cell has its own colour, and East Asian text is aligned', (t) => {
  const { red } = coloursFor({ isTTY: true }, {})
  const painted = [{ heading: 'N', cell: (text: string) => text, paint: () => red }]
  t.equal(table(painted, ['abcdefghij'], { width: 8 }), `N\n${red('abcdefgh')}\n${red('ij')}\n`)
  const two = [
    { heading: 'DISK', cell: (text: string) => text },
    { heading: 'X', cell: () => 'x' },
  ]
  t.equal(table(two, ['磁盘', 'disk']), 'DISK   X\n磁盘   x\ndisk   x\n')
  t.end()
})

t.test('a table can do without its headings', (t) => {
  t.equal(table(columns, [row], { headers: false }).split('\n').length, 2)
  t.strictSame(tableParts(columns, [], { headers: false }), { head: '', rows: [] })
  t.equal(tableRow(columns, row), table(columns, [row], { headers: false }))
  t.end()
})
