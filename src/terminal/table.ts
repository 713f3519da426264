import { stripVTControlCharacters } from 'node:util'

/** A column of a table: its heading, and what stands in it. */
export interface Column<Row> {
  readonly heading: string
  readonly cell: (row: Row) => string
}

/** Lines up rows as kubectl does: headings in capitals, three spaces between columns, nothing behind the last one. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => cell(row) || '-')),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => width(line[index] ?? ''))))
  return cells.map((line) => `${pad(line, widths)}\n`).join('')
}

function pad(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, index) => text + ' '.repeat((widths[index] ?? 0) - width(text)))
    .join('   ')
    .trimEnd()
}

/** Colours take no room. */
function width(text: string): number {
  return stripVTControlCharacters(text).length
}
