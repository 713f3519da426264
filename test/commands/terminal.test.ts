import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { coloursFor, data, dataLine } from '../../src/commands/terminal.ts'
import { table, tableRow } from '../../src/commands/table.ts'
import { age } from '../../src/time/age.ts'
import { depth } from '../fixtures/thorough.ts'

t.test('ages read as those of kubectl', (t) => {
  const second = 1_000
  const minute = 60 * second
  const hour = 60 * minute
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [3 * minute + 20 * second, '3m20s'],
    [10 * minute + 20 * second, '10m'],
    [179 * minute, '179m'],
    [5 * hour + 10 * minute, '5h10m'],
    [8 * hour + 10 * minute, '8h'],
    [47 * hour, '47h'],
    [12 * 24 * hour, '12d'],
  ]
  for (const [ms, text] of cases) t.equal(age(ms), text)
  t.end()
})

const plain = (text: string): string => text

t.test('a table is aligned, whatever its colours, and shows empty cells', (t) => {
  const paint = coloursFor({ isTTY: true }, {})
  const rows = [
    { name: 'node-1', state: 'danger' },
    { name: 'n2', state: '' },
  ]
  const text = table(
    [
      { heading: 'NODE', cell: ({ name }) => name },
      { heading: 'STATE', cell: ({ state }) => state, paint: ({ state }) => (state ? paint.red : plain) },
    ],
    rows,
  )
  t.equal(text, `NODE     STATE\nnode-1   ${paint.red('danger')}\nn2       -\n`)
  t.end()
})

t.test('no cell acts on a terminal, in a table and alone', (t) => {
  const columns = [
    { heading: 'NAME', cell: (name: string) => name },
    { heading: 'AGAIN', cell: (name: string) => name },
  ]
  const name = 'a\u001b]0;owned\u0007\u009b2J\r\n\u202eb'
  t.equal(tableRow(columns, name), 'a]0;owned2J b   a]0;owned2J b\n')
  t.equal(table(columns, [name]), 'NAME            AGAIN\na]0;owned2J b   a]0;owned2J b\n')
  t.end()
})

t.test('colours are for terminals only, and can be switched off', (t) => {
  const red = (screen: { isTTY?: boolean }, env: Record<string, string>) => coloursFor(screen, env).red('x')
  t.equal(red({ isTTY: true }, {}), '\u001b[31mx\u001b[39m')
  t.equal(red({ isTTY: false }, {}), 'x')
  t.equal(red({}, {}), 'x')
  t.equal(red({ isTTY: true }, { NO_COLOR: '1' }), 'x')
  t.equal(red({ isTTY: true }, { TERM: 'dumb' }), 'x')
  t.end()
})

t.test('data is one document, without aliases or folded lines', (t) => {
  const shared = { text: 'word '.repeat(40).trim() }
  t.strictSame(JSON.parse(data('json', [shared, shared])), [shared, shared])
  t.equal(data('yaml', [shared, shared]), `- text: ${shared.text}\n`.repeat(2))
  t.end()
})

t.test('data keeps its values, and acts on no terminal', (t) => {
  const texts = fc.string({ unit: 'binary', maxLength: 20 })
  const values = fc.oneof(texts, fc.array(texts), fc.integer(), fc.constant(null))
  const acting = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u
  fc.assert(
    fc.property(fc.dictionary(texts, values, { noNullPrototype: true }), (value) => {
      const written = [data('json', value), dataLine(value), data('yaml', value)]
      const [json = '', line = '', yaml = ''] = written
      const read: unknown[] = [JSON.parse(json), JSON.parse(line), parse(yaml)]
      return read.every((each) => isDeepStrictEqual(each, value)) && !acting.test(written.join(''))
    }),
    { numRuns: depth(100, 5_000) },
  )
  t.end()
})
