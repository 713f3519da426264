import { plainLine, plainText } from '../../text/plain-text.ts'
import { type Problem, problemsOf, relativeFile, type Report } from './problems.ts'

/**
 * The results as workflow commands of GitHub Actions, which the runner shows at the lines of a pull request. A
 * document without a problem is a line of plain text, so that the log has all documents.
 */
export function github({ checked, strict, problem, root }: Report): string {
  const lines = checked.flatMap((each) => {
    const problems = problemsOf(each, strict)
    if (problems.length > 0) return problems.map((one) => commandOf(one, root))
    const { outcome, what, source } = each.result
    return [inert(plainLine(`${outcome === 'not-judged' ? 'not judged' : outcome}  ${what}  (${source})`))]
  })
  const failed = problem === undefined ? [] : [command('error', { title: 'holdfast check' }, problem)]
  return [...lines, ...failed].map((line) => `${line}\n`).join('')
}

/** The runner reads `##[…]` anywhere in a line as a command of the older kind. */
function inert(line: string): string {
  return line.replaceAll('##[', '## [')
}

function commandOf({ level, rule, what, message, file, line }: Problem, root: string): string {
  const place = file === undefined ? {} : { file: relativeFile(root, file), line: String(line ?? 1) }
  return command(level, { ...place, title: `${rule}: ${what}` }, message)
}

/** The runner takes everything up to the end of the line, and decodes these characters again. */
function command(name: string, properties: Readonly<Record<string, string>>, message: string): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${escapedProperty(value)}`)
  return `::${name} ${given.join(',')}::${escapedData(plainText(message))}`
}

function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

/** A colon would end the properties, and a comma one of them. */
function escapedProperty(text: string): string {
  return escapedData(plainLine(text)).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
