import { plainLine } from '../../text/plain-text.ts'
import { widest, widthOf } from '../../text/wrap.ts'
import { evaluate } from './jsonpath/evaluate.ts'
import { type Node, TemplateProblem } from './jsonpath/nodes.ts'
import { parseTemplate } from './jsonpath/parse.ts'
import { goText } from './jsonpath/print.ts'

/** A column of `-o custom-columns`. */
export interface CustomColumn {
  readonly heading: string
  readonly path: readonly Node[]
}

/**
 * Reads `NODE:.name,STATE:.state`, as kubectl does (k8s.io/kubectl/pkg/cmd/get/customcolumn.go).
 *
 * @throws TemplateProblem
 */
export function parseColumns(spec: string): readonly CustomColumn[] {
  return spec.split(',').map((part) => {
    const colon = part.indexOf(':')
    if (colon === -1)
      throw new TemplateProblem(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`)
    return { heading: part.slice(0, colon), path: parseTemplate(relaxed(part.slice(colon + 1))) }
  })
}

/**
 * Reads the file of `-o custom-columns-file`: a line of headings, and one of paths.
 *
 * @throws TemplateProblem
 */
export function parseColumnsFile(text: string): readonly CustomColumn[] {
  const [headings = [], paths = []] = text
    .split(/\r?\n/)
    .map((line) => line.split(/\s+/).filter((word) => word !== ''))
  if (headings.length !== paths.length)
    throw new TemplateProblem(
      `number of headers (${headings.length}) and field specifications (${paths.length}) don't match`,
    )
  return headings.map((heading, at) => ({ heading, path: parseTemplate(relaxed(paths[at] ?? '')) }))
}

/** `name`, `.name`, `{name}` and `{.name}` are the same. */
function relaxed(path: string): string {
  if (path === '') return path
  const [, inBraces, bare] = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(path) ?? []
  const fields = inBraces ?? bare
  if (fields === undefined)
    throw new TemplateProblem(
      "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'",
    )
  return `{.${fields}}`
}

/** The least width of a column with the space behind it, as kubectl's tables have. */
const leastWidth = 6
const gap = 3

/** One row for each item. @throws TemplateProblem */
export function customColumns(
  columns: readonly CustomColumn[],
  items: readonly unknown[],
  headers: boolean,
): string {
  const rows = items.map((item) => columns.map(({ path }) => cell(path, item)))
  const lines = headers ? [columns.map(({ heading }) => heading), ...rows] : rows
  const widths = columns.map((_, at) =>
    Math.max(leastWidth, widest(lines.map((line) => line[at] ?? '')) + gap),
  )
  return lines
    .map((line) => {
      const last = line.length - 1
      const cells = line.map((text, at) =>
        at === last ? text : text + ' '.repeat((widths[at] ?? 0) - widthOf(text)),
      )
      return `${cells.join('')}\n`
    })
    .join('')
}

function cell(path: readonly Node[], item: unknown): string {
  const found = evaluate(path, item)
  if ((found[0]?.length ?? 0) === 0) return '<none>'
  return found.flatMap((values) => values.map((value) => plainLine(goValue(value)))).join(',')
}

/** As `fmt.Sprint` of Go writes maps and arrays, which is no JSON. */
function goValue(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (typeof value !== 'object') return goText(value)
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `map[${entries.map(([key, each]) => `${key}:${goValue(each)}`).join(' ')}]`
}
