import { plainLine } from '../text/plain-text.ts'
import { brokenInto, widest, widestPart, widthOf, wrapped } from '../text/wrap.ts'

/** A column of a table: its heading, and the content of its cells. */
export interface Column<Row> {
  readonly heading: string
  /** Any text. Characters that act on a terminal are removed, and an empty text is shown as `-`. */
  readonly cell: (row: Row) => string
  /** The colour of the cell. */
  readonly paint?: (row: Row) => (text: string) => string
  /**
   * Where a terminal is too narrow for the row, such cells stand below it: a detail behind its heading, beside other
   * details, and a sentence by itself.
   */
  readonly below?: 'detail' | 'sentence'
}

/** How a table is shown. */
export interface TableLook {
  /** Columns of the terminal; undefined where none is, and then no row is broken. */
  readonly width?: number | undefined
  /** False for rows alone. */
  readonly headers?: boolean
}

/** A table in parts, for a reader who may not have room for all of it. */
interface TableParts {
  /** The headings; empty if none are wanted. */
  readonly head: string
  /** Each with all its lines. */
  readonly rows: readonly string[]
}

/**
 * Aligns rows as kubectl does: headings in capitals, three spaces between columns, nothing behind the last one. On a
 * terminal that is too narrow the space shrinks first, then the widest columns: their cells take several lines.
 */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  look: TableLook = {},
): string {
  const { head, rows: shown } = tableParts(columns, rows, look)
  return [head, ...shown].filter((part) => part !== '').join('')
}

/** The same, part by part. */
export function tableParts<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, headers = true }: TableLook = {},
): TableParts {
  const cells = rows.map((row) => cellsOf(columns, row))
  const headings = columns.map(({ heading }) => ({ text: heading, paint: unpainted }))
  const measured = headers ? [headings, ...cells] : cells
  const isTight = width !== undefined && total(widthsOf(measured), usualGap) > width
  const below = columns.map((column) => (isTight ? column.below : undefined))
  const beside = <T>(line: readonly T[]): T[] => line.filter((_, at) => below[at] === undefined)
  const layout = layoutOf(measured.map(beside), width)
  return {
    head: headers ? lines(beside(headings), layout) : '',
    rows: cells.map((line) => {
      const details = columns.flatMap(({ heading }, at) => {
        const text = line[at]?.text ?? '-'
        return below[at] === 'detail' && text !== '-' ? [`${heading} ${text}`] : []
      })
      const sentences = line.filter((_, at) => below[at] === 'sentence')
      const texts = [{ text: details.join('   ') || '-', paint: unpainted }, ...sentences]
      return lines(beside(line), layout) + texts.map((cell) => underneath(cell, width)).join('')
    }),
  }
}

/** A single row, for rows that come one after the other. */
export function tableRow<Row>(columns: readonly Column<Row>[], row: Row, { width }: TableLook = {}): string {
  return tableParts(columns, [row], { width, headers: false }).rows.join('')
}

interface Cell {
  readonly text: string
  /** Colours, which have no width. */
  readonly paint: (text: string) => string
}

const unpainted = (text: string): string => text

function cellsOf<Row>(columns: readonly Column<Row>[], row: Row): Cell[] {
  return columns.map(({ cell, paint }) => ({
    text: plainLine(cell(row)) || '-',
    paint: paint ? paint(row) : unpainted,
  }))
}

interface Layout {
  readonly widths: readonly number[]
  readonly gap: number
}

const usualGap = 3

/** No column becomes narrower than this, in columns of the terminal, unless its content is. */
const narrowest = 8

function layoutOf(measured: readonly (readonly Cell[])[], width: number | undefined): Layout {
  const widths = widthsOf(measured)
  if (width === undefined || total(widths, usualGap) <= width) return { widths, gap: usualGap }
  const gap = total(widths, 2) <= width ? 2 : 1
  // First no word is broken, and only then the widest columns are.
  const words = widths.map((_, at) =>
    measured.reduce((most, line) => Math.max(most, widestPart(line[at]?.text ?? '')), 0),
  )
  const shrunk = shrink(
    widths,
    words,
    width -
      total(
        widths.map(() => 0),
        gap,
      ),
  )
  return {
    widths: shrink(
      shrunk,
      widths.map(() => narrowest),
      width -
        total(
          widths.map(() => 0),
          gap,
        ),
    ),
    gap,
  }
}

/** Takes from the widest column that may become narrower, until all have room or none may. */
function shrink(widths: readonly number[], least: readonly number[], room: number): number[] {
  const shrunk = [...widths]
  while (shrunk.reduce((sum, width) => sum + width, 0) > room) {
    const able = shrunk.map((width, at) => (width > (least[at] ?? 0) ? width : 0))
    const most = Math.max(...able)
    if (most === 0) break
    shrunk[able.indexOf(most)] = most - 1
  }
  return shrunk
}

function widthsOf(measured: readonly (readonly Cell[])[]): number[] {
  const count = measured[0]?.length ?? 0
  return Array.from({ length: count }, (_, at) => widest(measured.map((line) => line[at]?.text ?? '')))
}

function total(widths: readonly number[], gap: number): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1)
}

/** One row: as many lines as its highest cell has. */
function lines(line: readonly Cell[], { widths, gap }: Layout): string {
  const broken = line.map(({ text }, at) => brokenInto(text, widths[at] ?? text.length))
  const height = Math.max(1, ...broken.map(({ length }) => length))
  return Array.from({ length: height }, (_, row) => {
    const parts = line.map(({ paint }, at) => {
      const text = broken[at]?.[row] ?? ''
      const space = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(text)))
      return (text === '' ? '' : paint(text)) + space
    })
    return `${parts.join(' '.repeat(gap)).trimEnd()}\n`
  }).join('')
}

/** A sentence below its row. */
function underneath({ text, paint }: Cell, width: number | undefined): string {
  if (text === '-') return ''
  return `${wrapped(`${margin}${text}`, width)
    .split('\n')
    .map((line) => margin + paint(line.trimStart()))
    .join('\n')}\n`
}

const margin = '    '
