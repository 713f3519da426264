import { createColors } from 'picocolors'
import { Document, visit } from 'yaml'
import { escapedText, plainLine } from '../text/plain-text.ts'

/** A column of a table: its heading, and the content of its cells. */
export interface Column<Row> {
  readonly heading: string
  /** Any text. Characters that act on a terminal are removed, and an empty text is shown as `-`. */
  readonly cell: (row: Row) => string
  /** The colour of the cell. */
  readonly paint?: (row: Row) => (text: string) => string
}

/**
 * Aligns rows as kubectl does: headings in capitals, three spaces between columns, nothing behind the last
 * one.
 */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [
    columns.map(({ heading }) => ({ text: heading, painted: heading })),
    ...rows.map((row) => cellsOf(columns, row)),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.text.length ?? 0)))
  return cells.map((line) => `${pad(line, widths)}\n`).join('')
}

/** A single row, for rows that come one after the other. */
export function tableRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return `${pad(cellsOf(columns, row), [])}\n`
}

interface Cell {
  readonly text: string
  /** The same with colours, which have no width. */
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

/** The destination of text, and whether it is a terminal. */
interface Screen {
  readonly isTTY?: boolean
}

/** Colours for a terminal, and none elsewhere or if the user wants none (https://no-color.org). */
export function coloursFor(screen: Screen, env: Readonly<Record<string, string | undefined>>): Colours {
  return createColors(screen.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb')
}

/** Functions that paint a text. */
export type Colours = ReturnType<typeof createColors>

/** For programs: one JSON document, or one YAML document. */
export type DataFormat = 'json' | 'yaml'

/**
 * Writes a value for programs, ending with a newline. Characters that act on a terminal are escaped; programs
 * read the original value.
 */
export function data(format: DataFormat, value: unknown): string {
  if (format === 'json') return `${escapedText(JSON.stringify(value, undefined, 2))}\n`
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_key, node) {
      // Only strings in double quotes have escapes.
      if (typeof node.value === 'string' && escapedText(node.value) !== node.value) node.type = 'QUOTE_DOUBLE'
    },
  })
  // A newline in such a string is an escape too.
  const options = { lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }
  return escapedText(document.toString(options))
}

/** The same as one line of JSON, for documents that come one after the other. */
export function dataLine(value: unknown): string {
  return `${escapedText(JSON.stringify(value))}\n`
}
