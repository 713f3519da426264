import { InvalidArgumentError, Option } from 'commander'
import { mostBytes, readBounded } from '../../text/bounded-file.ts'
import { inWords } from '../../text/system-error.ts'
import { LateValue } from '../options/late-value.ts'
import { data, type DataFormat } from '../terminal.ts'
import { CannotRun } from '../surroundings.ts'
import { type CustomColumn, customColumns, parseColumns, parseColumnsFile } from './custom-columns.ts'
import { type Node, TemplateProblem } from './jsonpath/nodes.ts'
import { parseTemplate } from './jsonpath/parse.ts'
import { printTemplate } from './jsonpath/print.ts'

/** A format for programs, which is the same for each command. */
type StructuredFormat =
  | { readonly format: DataFormat | 'name' }
  | { readonly format: 'jsonpath'; readonly template: readonly Node[]; readonly asJson: boolean }
  | { readonly format: 'custom-columns'; readonly columns: readonly CustomColumn[] }

/** A choice of `-o`: a format for people, by its name, or one for programs. */
export type OutputFormat<People extends string> = { readonly format: People } | StructuredFormat

/** The formats with a template, and what stands behind the `=`. */
const templates = {
  jsonpath: 'TEMPLATE',
  'jsonpath-as-json': 'TEMPLATE',
  'jsonpath-file': 'FILE',
  'custom-columns': 'SPEC',
  'custom-columns-file': 'FILE',
} as const

type TemplateFormat = keyof typeof templates

const plainFormats = ['json', 'yaml', 'name'] as const
type PlainFormat = (typeof plainFormats)[number]

/**
 * The option `-o` with the formats that kubectl has.
 *
 * @param people the formats for people
 * @param about `hasNames`: false if the output never has objects of a cluster
 */
export function outputOption(people: readonly string[], help: string, { hasNames = true } = {}): Option {
  const plain = hasNames ? plainFormats : plainFormats.filter((name) => name !== 'name')
  const option = new FormatOption(
    '-o, --output <format>',
    `${help}; or ${plain.join(', ')}, jsonpath=…, jsonpath-as-json=…, jsonpath-file=…, custom-columns=…, custom-columns-file=…`,
    formatsOf([...people, ...plain]),
  )
  return option.argParser((text) => readFormat(text, people, plain))
}

/** With what a shell offers for it. */
class FormatOption extends Option {
  readonly offered: readonly string[]

  constructor(flags: string, description: string, offered: readonly string[]) {
    super(flags, description)
    this.offered = offered
  }
}

/** What may follow `-o`. */
function formatsOf(named: readonly string[]): readonly string[] {
  return [...named, ...Object.keys(templates).map((name) => `${name}=`)]
}

function readFormat(
  text: string,
  people: readonly string[],
  allowed: readonly PlainFormat[],
): OutputFormat<string> | LateValue<OutputFormat<string>> {
  const named = people.find((name) => name === text)
  if (named !== undefined) return { format: named }
  const plain = allowed.find((name) => name === text)
  if (plain !== undefined) return { format: plain }
  const equals = text.indexOf('=')
  const name = equals === -1 ? text : text.slice(0, equals)
  if (!isTemplateFormat(name))
    throw new InvalidArgumentError(`Allowed choices are ${formatsOf([...people, ...allowed]).join(', ')}.`)
  const template = equals === -1 ? '' : text.slice(equals + 1)
  if (template === '') throw new InvalidArgumentError(`It needs a template: ${name}=${templates[name]}.`)
  if (name === 'jsonpath-file' || name === 'custom-columns-file')
    return new LateValue(text, async () => readTemplate(name, await fileText(template)))
  return readTemplate(name, template)
}

function isTemplateFormat(name: string): name is TemplateFormat {
  return Object.hasOwn(templates, name)
}

function readTemplate(name: TemplateFormat, text: string): StructuredFormat {
  try {
    switch (name) {
      case 'jsonpath':
      case 'jsonpath-as-json':
      case 'jsonpath-file':
        return { format: 'jsonpath', template: parseTemplate(text), asJson: name === 'jsonpath-as-json' }
      case 'custom-columns':
        return { format: 'custom-columns', columns: parseColumns(text) }
      case 'custom-columns-file':
        return { format: 'custom-columns', columns: parseColumnsFile(text) }
    }
  } catch (error) {
    if (error instanceof TemplateProblem) throw new InvalidArgumentError(`${error.message}.`)
    throw error
  }
}

async function fileText(path: string): Promise<string> {
  try {
    return (await readBounded(path, mostBytes.template)).toString()
  } catch (error) {
    throw new InvalidArgumentError(`Cannot read ${path}: ${inWords(error)}.`)
  }
}

const structured: ReadonlySet<string> = new Set([...plainFormats, 'jsonpath', 'custom-columns'])

/** True for a format for programs. */
export function isStructured(output: { readonly format: string }): output is StructuredFormat {
  return structured.has(output.format)
}

/** What a command has to print for programs. */
export interface Printable {
  /** The whole, for `json`, `yaml` and `jsonpath`. */
  readonly document: unknown
  /** Its rows, for `custom-columns`. */
  readonly items: readonly unknown[]
  /** For `name`: `node.longhorn.io/node-1`; absent if the rows are no objects of a cluster. */
  readonly names?: readonly string[]
}

/**
 * Writes it in a format for programs.
 *
 * @throws CannotRun for a template that does not fit, and for names of what has none
 */
export function printed(
  format: StructuredFormat,
  { document, items, names }: Printable,
  { headers = true }: { readonly headers?: boolean } = {},
): string {
  try {
    switch (format.format) {
      case 'json':
      case 'yaml':
        return data(format.format, document)
      case 'name':
        if (names === undefined) throw new CannotRun(withoutNames)
        return [...new Set(names)].map((name) => `${name}\n`).join('')
      case 'jsonpath':
        return printTemplate(format.template, asJson(document), format.asJson)
      case 'custom-columns':
        return customColumns(format.columns, items.map(asJson), headers)
    }
  } catch (error) {
    if (error instanceof TemplateProblem)
      throw new CannotRun(`the template does not fit the document: ${error.message}`, { cause: error })
    throw error
  }
}

/** Why there is nothing to print. */
export const withoutNames =
  '-o name is for objects of a cluster, and the output of this command has none. Take -o json, yaml, jsonpath or custom-columns'

/** As programs read it: without fields that are undefined. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown
}

/** An object of Longhorn as `kubectl -o name` writes it, and as kubectl takes it. */
export function longhornName(kind: string, name: string): string {
  return `${kind.toLowerCase()}.longhorn.io/${name}`
}
