import { plainLine, plainText } from '../../text/plain-text.ts'
import type { Colours } from '../terminal.ts'
import type { CheckResult } from './result.ts'

/** The verdicts for a person, one after the other. */
export function verdictsText(results: readonly CheckResult[], colours: Colours): string {
  return results.map((result) => asText(result, colours)).join('')
}

function asText(result: CheckResult, colours: Colours): string {
  const { source, what, outcome, message, warnings, doubts, unknown = [] } = result
  const paint = {
    admitted: colours.green,
    'not-judged': colours.dim,
    held: colours.yellow,
    refused: colours.red,
    unusable: colours.red,
  }
  const words = {
    admitted: 'admitted',
    'not-judged': 'not judged',
    held: 'held back',
    refused: 'refused',
    unusable: 'cannot be judged',
  }
  const more = [
    ...(message === undefined ? [] : [message]),
    ...[...doubts, ...unknown, ...warnings].map((warning) => `Warning: ${warning}`),
  ]
  const indented = more.flatMap((text) => plainText(text).split('\n')).map((line) => `    ${line}\n`)
  return `${paint[outcome](words[outcome])}  ${plainLine(`${what}  (${source})`)}\n${indented.join('')}`
}
