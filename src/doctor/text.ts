import type { Colours } from '../terminal/colours.ts'
import { plainLine } from '../text/plain-text.ts'
import type { Diagnosis } from './diagnosis.ts'
import type { Level } from './finding.ts'

/** A diagnosis for a person: a line for each finding, below it why it matters and what to do, and a summary. */
export function text({ findings, summary }: Diagnosis, colours: Colours): string {
  const paint: Readonly<Record<Level, (text: string) => string>> = {
    ok: colours.green,
    warn: colours.yellow,
    error: colours.red,
    unknown: colours.magenta,
  }
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, what, why, remedy }) => [
    `${paint[level](level.padEnd('unknown'.length))}  ${check.padEnd(width)}  ${plainLine(what)}`,
    ...(why === null ? [] : [`${indent}why: ${plainLine(why)}`]),
    ...(remedy === null ? [] : [`${indent}do:  ${plainLine(remedy)}`]),
  ])
  const { ok, warn, error, unknown } = summary
  return `${lines.join('\n')}\n\n${error} error, ${warn} warn, ${unknown} unknown, ${ok} ok\n`
}

const indent = ' '.repeat('unknown'.length + 2)
