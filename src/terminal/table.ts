import { plainLine } from '../text/plain-text.ts'

/** A column of a table: its heading, and what stands in it. */
export interface Column<Row> {
  readonly heading: string
  /** Any text: what acts on a terminal is taken out, and an empty one is shown as `-`. */
  readonly cell: (row: Row) => string
  /** The colour of the cell. */
  readonly paint?: (row: Row) => (text: string) => string
}

/** Lines up rows as kubectl does: headings in capitals, three spaces between columns, nothing behind the last one. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ heading }) => ({ text: heading, painted: heading })),
    ...rows.map((row) => cellsOf(columns, row)),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.text.length ?? 0)))
  return cells.map((line) => `${pad(line, widths)}\n`).join('')
}

/** One row alone, for those that come one after the other. */
export function tableRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return `${pad(cellsOf(columns, row), [])}\n`
}

interface Cell {
  readonly text: string
  /** The same with its colours, which take no room. */
  readonly painted: string
}

function cellsOf<Row>(columns: readonly Column<Row>[], row: Row): Cell[] {
  return columns.map(({ cell, paint }) => {
    const text = plainLine(cell(row)) || '-'
    return { text, painted: paint ? paint(row)(text) : text }
  })
}

function pad(line: readonly Cell[], widths: readonly number[]): string {
  return line
    .map(({ text, painted }, index) => painted + ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length)))
    .join('   ')
    .trimEnd()
}
