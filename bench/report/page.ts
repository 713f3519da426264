import { type Plot, plotOf } from './plot.ts'
import { profileTable } from './profile.ts'
import type { Recorded } from './record.ts'
import { tableOf } from './table.ts'

/** The parts of docs/performance.md that are made from the record, by the names of their marks. */
const parts = {
  reviews: { asked: 'a review that', title: 'Reviews on one core' },
  proxies: { asked: 'a request that', title: 'Requests through a proxy on one core' },
} as const

type Part = keyof typeof parts

/** What is written. */
export interface Written {
  readonly page: string
  /** The pictures of docs/images, by their names. */
  readonly images: ReadonlyMap<string, string>
}

/** Puts the record into the page, between its marks. @throws if the page has no place for it */
export function writtenFrom(page: string, record: Recorded): Written {
  const images = new Map<string, string>()
  let text = page
  for (const part of Object.keys(parts) as Part[]) {
    // What was never measured has no table.
    if (record[part].length === 0) continue
    const plot = plotOf(parts[part].title, parts[part].asked, record[part])
    images.set(imageOf(part), plot.svg)
    text = between(text, part, textOf(part, record, plot))
  }
  if (record.profiles.length > 0) text = between(text, 'profile', `\n${profileTable(record.profiles)}\n`)
  return { page: text, images }
}

function textOf(part: Part, { machine, missing, [part]: figures }: Recorded, plot: Plot): string {
  const paragraphs = [
    machine,
    `![${plot.title}. ${plot.description.replaceAll(/[[\]]/g, '')}](images/${imageOf(part)})`,
    tableOf(parts[part].asked, figures).trimEnd(),
    ...(missing.length > 0 ? [missing.join(' ')] : []),
  ]
  return `\n${paragraphs.join('\n\n')}\n\n`
}

function imageOf(part: Part): string {
  return `bench-${part}.svg`
}

function between(page: string, part: Part | 'profile', text: string): string {
  const mark = `<!-- bench: ${part} -->\n`
  const from = page.indexOf(mark) + mark.length
  const to = page.indexOf('<!-- end of bench -->', from)
  if (from < mark.length || to < 0) throw new Error(`The page has no place for the table: ${mark.trim()}`)
  return `${page.slice(0, from)}${text}${page.slice(to)}`
}
