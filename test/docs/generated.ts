import { parse } from 'yaml'
import { runCommandLine } from '../../src/command-line.ts'
import { flagOf, variableOf } from '../../src/commands/options/setting-options.ts'
import { settingFacts, settingNames } from '../../src/configuration/settings.ts'
import { ruleNames } from '../../src/rules/finding.ts'
import { chartValueTable } from './chart-values.ts'
import { messageOf } from './messages.ts'
import { read } from './pages.ts'

/** A part of a page that `npm run docs:generate` writes, between two marks. */
const part = /^<!-- generated: (.+) -->\n([^]*?)^<!-- end -->$/gm

/** The parts of a page, by name. */
export function partsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(part)].map(([, name = '', body = '']) => [name, body]))
}

/** The same page with its parts written anew. @throws Error for an unknown part */
export function withParts(text: string, written: ReadonlyMap<string, string>): string {
  return text.replaceAll(part, (_, name: string) => {
    const body = written.get(name)
    if (body === undefined) throw new Error(`nothing writes the part ${name}`)
    return `<!-- generated: ${name} -->\n${body}<!-- end -->`
  })
}

/** Everything that is written into the docs, by the name of its part. */
export async function writeParts(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['settings', settings()],
    ['commands', await commands()],
    ['chart values', chartValueTable()],
    ['inputs of the action', actionInputs()],
    ...ruleNames.map((rule) => [`message of ${rule}`, fenced('text', messageOf(rule))] as const),
  ])
}

function settings(): string {
  const rows = settingNames.map((name) => {
    const { help, byDefault } = settingFacts[name]
    const cells = [
      `\`${flagOf(name)}\``,
      `\`${variableOf(name)}\``,
      `\`${name}\``,
      prose(help),
      prose(byDefault),
    ]
    return `| ${cells.join(' | ')} |\n`
  })
  return `| flag | variable | key | meaning | default |\n| --- | --- | --- | --- | --- |\n${rows.join('')}`
}

function actionInputs(): string {
  const { inputs } = parse(read('.github/actions/check/action.yml')) as {
    inputs: Readonly<Record<string, { description: string; required?: boolean; default?: string }>>
  }
  const rows = Object.entries(inputs).map(([name, { description, required, default: byDefault = '' }]) => {
    const otherwise = required === true ? 'required' : byDefault === '' ? '' : `\`${byDefault}\``
    return `| \`${name}\` | ${prose(description)} | ${otherwise} |\n`
  })
  return `| input | meaning | default |\n| --- | --- | --- |\n${rows.join('')}`
}

/** Angle brackets would be taken for HTML, and a bar for the end of a cell. */
function prose(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('|', '\\|')
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\`\`\`\n`
}

/** The help of each command, as a terminal of 100 columns shows it. */
async function commands(): Promise<string> {
  const overview = await help()
  const sections = [fenced('text', overview)]
  for (const name of namesIn(overview)) {
    const text = await help(name)
    sections.push(`\n## holdfast ${name}\n\n`, fenced('text', text))
    for (const below of namesIn(text))
      sections.push(`\n### holdfast ${name} ${below}\n\n`, fenced('text', await help(name, below)))
  }
  return sections.join('')
}

/** The commands that a help lists. */
function namesIn(help: string): string[] {
  const [, list = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(help) ?? []
  return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)]
    .flatMap(([, name]) => name ?? [])
    .filter((name) => name !== 'help')
}

async function help(...names: readonly string[]): Promise<string> {
  let text = ''
  const stdout = { isTTY: true, columns: 100, write: (more: string) => (text += more) }
  const code = await runCommandLine([...names, '--help'], {
    env: {},
    stdin: () => process.stdin,
    stdout,
    stderr: stdout,
    isInteractive: false,
    untilSignal: () => new Promise(() => undefined),
    onHangup: () => () => undefined,
    onStdoutClosed: () => () => undefined,
    measureProcess: () => Promise.resolve(),
  })
  if (code !== 0) throw new Error(`holdfast ${names.join(' ')} --help: ${text}`)
  return text
}
