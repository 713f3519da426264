import { widthOf, wrapped } from '../../text/wrap.ts'
import { type Section, textOf } from './section.ts'

/** The size of a terminal. */
interface Size {
  readonly width: number
  readonly height: number
}

/**
 * A status that a terminal can show at once, with room for its cursor: the heading, and of each table what there is room
 * for. Rows that tell of a danger come first, then those that tell of work in progress. A line counts the others, and
 * names those of them that are in danger.
 */
function fitted(heading: string, sections: readonly Section[], { width, height }: Size): string {
  const all = [heading, ...sections.map(textOf)].join('\n')
  const room = height - 1
  if (linesOf(all, width) <= room) return all
  const shares = sections.map((section) => new Share(section, width))
  const left = (): number =>
    room - linesOf(heading, width) - shares.reduce((sum, share) => sum + share.lines, 0)
  for (const limit of ['urgent', 'notable', 'rows'] as const) {
    for (const share of shares) while (share.shown < share.atMost(limit) && share.grow(left())) continue
  }
  const text = [heading, ...shares.map(({ text }) => text)].join('\n')
  // Where not even the headings have room, the end is cut: the most pressing table is the first.
  return `${text.split('\n').slice(0, room).join('\n').trimEnd()}\n`
}

/** The part of a status that a person has scrolled to. */
interface Scrolled {
  readonly text: string
  /** The line of the tables with which it begins; 0 where {@link fitted} shows all that is to be seen first. */
  readonly from: number
  /** How many lines of the tables it has. */
  readonly page: number
  /** The line with which the last part begins. */
  readonly last: number
}

/**
 * The heading, and the tables from one of their lines on.
 *
 * @param wanted the line, which may be beyond the end
 */
export function scrolled(
  heading: string,
  sections: readonly Section[],
  size: Size,
  wanted: number,
): Scrolled {
  const lines = sections.map(textOf).join('\n').replace(/\n$/, '').split('\n')
  // Below the tables stand an empty line, the place, and the cursor.
  const page = Math.max(1, size.height - linesOf(heading, size.width) - 4)
  const isAll = linesOf(heading, size.width) + 1 + lines.length < size.height
  const last = isAll ? 0 : Math.max(0, lines.length - page)
  const from = Math.max(0, Math.min(wanted, last))
  if (from === 0) return { text: fitted(heading, sections, size), from, page, last }
  const shown = lines.slice(from, from + page)
  const place = `lines ${from + 1} to ${from + shown.length} of ${lines.length}; g: back to the first, q: end`
  return { text: `${[heading, ...shown, '', place].join('\n')}\n`, from, page, last }
}

/** How much of a table is shown. */
class Share {
  shown = 0
  readonly #section: Section
  readonly #width: number

  constructor(section: Section, width: number) {
    this.#section = section
    this.#width = width
  }

  atMost(limit: 'urgent' | 'notable' | 'rows'): number {
    const { urgent, notable, rows } = this.#section
    return { urgent, notable, rows: rows.length }[limit]
  }

  /** Shows one row more, or all of those that a line would stand for. @returns false if there is no room */
  grow(room: number): boolean {
    const before = this.lines
    this.shown += 1
    if (this.lines - before <= room) return true
    this.shown -= 1
    return false
  }

  /** With the empty line before it. */
  get lines(): number {
    return 1 + linesOf(this.text, this.#width)
  }

  get text(): string {
    const { head, rows, more } = this.#section
    const hidden = this.shown < rows.length ? wrapped(more(this.shown), this.#width) : ''
    return head + rows.slice(0, this.shown).join('') + hidden
  }
}

/** A terminal breaks what is wider than itself. */
function linesOf(text: string, width: number): number {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / width)), 0)
}
