import { type Column, type TableLook, tableParts } from '../table.ts'

/** One table of a status, for a reader who may not have room for all of it. */
export interface Section {
  /** Its headings, with all their lines. */
  readonly head: string
  /** Its rows, the worst first, each with all its lines. */
  readonly rows: readonly string[]
  /** So many of the first rows tell of a danger. */
  readonly urgent: number
  /** So many of them tell of a danger or of work in progress. */
  readonly notable: number
  /** What is said of the rows from this one on, where there is no room for them. */
  readonly more: (from: number) => string
}

/** How a section is made from its rows. */
interface SectionOf<Row> {
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly look: TableLook
  /** `pending clean-ups` */
  readonly what: string
  readonly urgent?: number
  /** All, if not given. */
  readonly notable?: number
  readonly more?: (hidden: readonly Row[]) => string
}

/** A table as a section. @returns none without a row */
export function section<Row>({
  columns,
  rows,
  look,
  what,
  urgent = 0,
  notable = rows.length,
  more = () => '',
}: SectionOf<Row>): Section[] {
  if (rows.length === 0) return []
  return [
    {
      ...tableParts(columns, rows, look),
      urgent,
      notable,
      more: (from) => {
        const hidden = rows.slice(from)
        const details = more(hidden)
        return `… ${hidden.length} more ${what}${details === '' ? '' : `: ${details}`}\n`
      },
    },
  ]
}

/** A sentence where a table would be. */
export function sentence(text: string): Section {
  return { head: `${text}\n`, rows: [], urgent: 0, notable: 0, more: () => '' }
}

/** The section in full. */
export function textOf({ head, rows }: Section): string {
  return head + rows.join('')
}
