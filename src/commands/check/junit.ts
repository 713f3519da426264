import { plainText } from '../../text/plain-text.ts'
import type { Report } from './problems.ts'
import type { CheckResult } from './result.ts'

/** The results as JUnit XML, which every CI system shows: a test case for each document. */
export function junit({ checked, strict, problem }: Report): string {
  const results = [
    ...checked.map(({ result }) => result),
    ...(problem === undefined ? [] : [wholeRun(problem)]),
  ]
  const count = (outcomes: readonly CheckResult['outcome'][]): number =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length
  const doubtful = strict ? results.filter(isDoubtful).length : 0
  const totals = `tests="${results.length}" failures="${count(['held', 'refused']) + doubtful}" errors="${count(['unusable'])}" skipped="${count(['not-judged'])}"`
  const cases = results.map((result) => `    ${testCase(result, strict)}\n`).join('')
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${totals}>\n  <testsuite name="holdfast check" ${totals}>\n${cases}  </testsuite>\n</testsuites>\n`
}

/** A run without a verdict has an error too: a report without test cases looks like a good one. */
function wholeRun(problem: string): CheckResult {
  const nothing = { rules: [], warnings: [], doubts: [] }
  return { source: 'holdfast check', what: 'the run', outcome: 'unusable', message: problem, ...nothing }
}

/** Allowed, but with dropped fields or missing facts. */
function isDoubtful({ outcome, doubts, unknown = [] }: CheckResult): boolean {
  return outcome === 'admitted' && doubts.length + unknown.length > 0
}

function testCase(result: CheckResult, strict: boolean): string {
  const { source, what, outcome, rules, message = '' } = result
  const doubts = [...result.doubts, ...(result.unknown ?? [])]
  const warnings = [...doubts, ...result.warnings]
  const attributes = `classname="${escaped(source)}" name="${escaped(what)}"`
  const output = warnings.length > 0 ? `<system-out>${escaped(warnings.join('\n'))}</system-out>` : ''
  switch (outcome) {
    case 'admitted':
      if (strict && isDoubtful(result))
        return `<testcase ${attributes}><failure type="${result.doubts.length > 0 ? 'not as written' : 'not known'}" message="${escaped(doubts.join(', '))}"/>${output}</testcase>`
      return `<testcase ${attributes}>${output}</testcase>`
    case 'not-judged':
      return `<testcase ${attributes}><skipped/>${output}</testcase>`
    case 'held':
    case 'refused':
      return `<testcase ${attributes}><failure type="${outcome}" message="${escaped(rules.join(', '))}">${escaped(message)}</failure>${output}</testcase>`
    case 'unusable':
      return `<testcase ${attributes}><error message="${escaped(message)}"/>${output}</testcase>`
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML cannot represent most control characters, even escaped. CI systems print the report in their logs. */
function escaped(text: string): string {
  return plainText(text)
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
