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
export function fitted(heading: string, sections: readonly Section[], { width, height }: Size): string {
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
