import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from './fixtures/root.ts'

/** Pages of facts that comments cite: `longhorn.md §3`, or `kubernetes.md, The answer` with the title of a section. */
const pages = ['longhorn', 'kubernetes'] as const

const citation = /\b(longhorn|kubernetes)\.md(?: §(\d+)|, ([A-Z][A-Za-z ]+))?/g

/** The kinds of files that cite facts. */
const readable = /\.(ts|cel|yaml|tpl)$/

interface Citation {
  readonly page: (typeof pages)[number]
  /** A number or a title; empty for the page as a whole. */
  readonly section: string
  readonly place: string
}

function* citations(): Iterable<Citation> {
  const files = ['src', 'test', 'charts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  for (const file of files.filter((name) => readable.test(name) && !name.endsWith('citations.test.ts'))) {
    for (const [at, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
      for (const [, page, number, title] of line.matchAll(citation)) {
        if (page !== 'longhorn' && page !== 'kubernetes') continue
        yield { page, section: number ?? title?.trim() ?? '', place: `${file}:${at + 1}` }
      }
    }
  }
}

function sectionsOf(page: string): string[] {
  const text = readFileSync(join(root, 'docs/facts', `${page}.md`), 'utf8')
  return [...text.matchAll(/^## (?:(\d+)\. )?(.*)$/gm)].flatMap(([, number, title = '']) =>
    number === undefined ? [title] : [number, title],
  )
}

t.test('each fact that a comment cites is on its page', (t) => {
  const found = [...citations()]
  t.ok(found.length > 100, `${found.length} citations`)
  for (const page of pages) {
    const sections = new Set(['', ...sectionsOf(page)])
    const dangling = found.filter((each) => each.page === page && !sections.has(each.section))
    t.strictSame(dangling, [], page)
  }
  t.end()
})
