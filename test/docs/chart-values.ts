import { parse } from 'yaml'
import { read } from './pages.ts'

/** A value of the chart: a key of values.yaml, with all keys below it unless they have their own comments. */
export interface ChartValue {
  /** `proxy.longhorn.enabled`. */
  readonly path: string
  /** As the schema has it: `boolean`, `text`, `Fail, Ignore`, … */
  readonly type: string
  /** As JSON; empty for a group of values. */
  readonly byDefault: string
  /** The comment above the key. */
  readonly meaning: string
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
}

/** All values of the chart, in the order of values.yaml. */
export function chartValues(): ChartValue[] {
  const text = read('charts/holdfast/values.yaml')
  const comments = commentsIn(text)
  const schema = JSON.parse(read('charts/holdfast/values.schema.json')) as Schema
  return [...valuesBelow(parse(text), schema, '', comments)]
}

/** The table of all values, for the chart's README. */
export function chartValueTable(): string {
  const rows = chartValues().map(({ path, type, byDefault, meaning }) => {
    const cells = [`\`${path}\``, type, byDefault === '' ? '' : `\`${byDefault}\``, meaning]
    return `| ${cells.map(cell).join(' | ')} |\n`
  })
  return `| value | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('')}`
}

/** A bar would end the cell, and angle brackets would be taken for HTML. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The comment right above each key, on one line, without its example. */
function commentsIn(text: string): ReadonlyMap<string, string> {
  const comments = new Map<string, string>()
  const above: { readonly indent: number; readonly key: string }[] = []
  let lines: string[] = []
  for (const line of text.split('\n')) {
    const comment = /^ *# ?(.*)$/.exec(line)?.[1]
    const [, indent, key] = /^( *)([A-Za-z][\w.]*|'[^']+'):/.exec(line) ?? []
    if (comment !== undefined) lines.push(comment)
    if (indent !== undefined && key !== undefined) {
      while ((above.at(-1)?.indent ?? -1) >= indent.length) above.pop()
      above.push({ indent: indent.length, key })
      const [words = ''] = lines.join(' ').split(/ Example:/)
      if (words !== '') comments.set(above.map((each) => each.key).join('.'), words)
    }
    if (comment === undefined) lines = []
  }
  return comments
}

function* valuesBelow(
  value: unknown,
  schema: Schema | undefined,
  path: string,
  comments: ReadonlyMap<string, string>,
): Generator<ChartValue, void> {
  const isGroup = [...comments.keys()].some((key) => path === '' || key.startsWith(`${path}.`))
  const meaning = comments.get(path) ?? ''
  if (!isGroup) yield { path, type: typeOf(schema), byDefault: JSON.stringify(value), meaning }
  if (!isGroup || typeof value !== 'object' || value === null) return
  if (meaning !== '') yield { path, type: 'group', byDefault: '', meaning }
  for (const [key, each] of Object.entries(value))
    yield* valuesBelow(each, schema?.properties?.[key], path === '' ? key : `${path}.${key}`, comments)
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'number',
  array: 'list',
  object: 'map',
}

function typeOf(schema: Schema | undefined): string {
  if (schema?.enum) return schema.enum.filter((each) => each !== '').join(', ')
  if (schema?.oneOf) return schema.oneOf.map(typeOf).join(' or ')
  const types = [schema?.type ?? []].flat().filter((type) => type !== 'null')
  return types.map((type) => words[type] ?? type).join(' or ')
}
