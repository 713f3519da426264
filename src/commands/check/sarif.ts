import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { version } from '../../server/version.ts'
import { plainText } from '../../text/plain-text.ts'
import { data } from '../terminal.ts'
import { type Problem, problemsOf, relativeFile, type Report } from './problems.ts'
import { patchSource } from './proposals.ts'
import { helpUriOf, type ReportRule, reportRules, reportRuleTexts } from './report-rules.ts'

/**
 * The results as SARIF 2.1.0, as GitHub's code scanning takes it. That rejects a whole file if one result has
 * no file, so each has one: a patch and standard input have a name in its place.
 */
export function sarif({ checked, strict, code, problem, root }: Report): string {
  const problems = checked.flatMap((each) => problemsOf(each, strict))
  return data('json', {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'holdfast',
            fullName: 'holdfast check',
            semanticVersion: version(),
            informationUri: 'https://github.com/holdfast-io/holdfast',
            rules: reportRules.map(ruleOf),
          },
        },
        invocations: [invocationOf(code, problem)],
        originalUriBaseIds: { [srcRoot]: { description: { text: 'The root of the repository.' } } },
        columnKind: 'utf16CodeUnits',
        results: problems.map((each) => resultOf(each, root)),
      },
    ],
  })
}

/** The name by which GitHub, Azure DevOps and editors know the root of a repository. */
const srcRoot = '%SRCROOT%'

function ruleOf(rule: ReportRule) {
  const text = reportRuleTexts[rule]
  const uri = helpUriOf(rule)
  return {
    id: rule,
    name: inPascalCase(rule),
    shortDescription: { text },
    fullDescription: { text },
    help: { text: `${text} ${uri}`, markdown: `${text} [Read more](${uri}).` },
    helpUri: uri,
    defaultConfiguration: { level: 'error' },
    properties: { tags: ['longhorn', 'kubernetes'], precision: 'very-high' },
  }
}

/** A failure of the whole run concerns no file, so it is a notification and no result. */
function invocationOf(code: number, problem: string | undefined) {
  const notifications =
    problem === undefined ? [] : [{ level: 'error', message: { text: plainText(problem) } }]
  return { executionSuccessful: code < 2, exitCode: code, toolExecutionNotifications: notifications }
}

function resultOf(problem: Problem, root: string) {
  const { rule, level, effect, what, headline, message, line } = problem
  const artifactLocation = artifactOf(problem, root)
  return {
    ruleId: rule,
    ruleIndex: reportRules.indexOf(rule),
    level,
    message: { text: plainText(message) },
    locations: [
      {
        physicalLocation: { artifactLocation, region: { startLine: line ?? 1 } },
        logicalLocations: [{ fullyQualifiedName: what, kind: 'resource' }],
      },
    ],
    // Stays the same when lines move, and while an age in the headline grows. GitHub's upload adds a hash of the line.
    partialFingerprints: {
      'holdfastChange/v1': hashOf([rule, effect ?? headline, what, artifactLocation.uri]),
    },
    properties: { change: what, ...(effect && { effect }) },
  }
}

function artifactOf({ file, source }: Problem, root: string) {
  if (file === undefined)
    return { uri: source === patchSource ? 'patch' : 'standard-input', uriBaseId: srcRoot }
  const name = relativeFile(root, file)
  return name.startsWith('/') || /^[a-z]:/i.test(name)
    ? { uri: pathToFileURL(name).href }
    : { uri: name.split('/').map(encodeURIComponent).join('/'), uriBaseId: srcRoot }
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

/** `eviction-during-cleanup` → `EvictionDuringCleanup`. */
function inPascalCase(name: string): string {
  return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
