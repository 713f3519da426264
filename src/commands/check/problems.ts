import { isAbsolute, relative, resolve, sep } from 'node:path'
import type { JsonObject } from '../../json/schema.ts'
import type { Change } from '../../rules/change.ts'
import type { Effect, Finding } from '../../rules/finding.ts'
import { headlineOf, linesOf, oneLineOf } from '../../rules/layout.ts'
import { offendingField } from './offending-field.ts'
import { lineOfField, type Place } from './place.ts'
import type { ReportRule } from './report-rules.ts'
import type { CheckResult } from './result.ts'

/** A document that was checked, with all that reports of CI systems need. */
export interface Checked {
  readonly result: CheckResult
  readonly place: Place
  /** The object at that place. */
  readonly written: JsonObject
  /** The change and the findings of the rules; absent if it was not judged. */
  readonly judged?: { readonly change: Change; readonly findings: readonly Finding[] }
}

/** The result of a whole run, for CI systems. */
export interface Report {
  readonly checked: readonly Checked[]
  /** Whether fields that the API server would drop, and missing facts, are errors. */
  readonly strict: boolean
  /** The exit code of the command. */
  readonly code: number
  /** Why the command could not run, or judged nothing. */
  readonly problem?: string
  /** The folder that files are named from: the root of the repository. */
  readonly root: string
}

/** One problem of one document, for reports that show each at a line of a file. */
export interface Problem {
  readonly rule: ReportRule
  /** An error makes the exit code 1 or 2. */
  readonly level: 'error' | 'warning'
  /** The effect of the rule; absent if no rule found it. */
  readonly effect?: Effect
  /** The source of its document, as in the result. */
  readonly source: string
  /** `UPDATE of Node node-1` */
  readonly what: string
  /** Works alone, as the first line. */
  readonly headline: string
  /** All lines, the headline included. */
  readonly message: string
  /** As the user named it; undefined for standard input and for a patch in the command line. */
  readonly file: string | undefined
  /** Counted from 1. */
  readonly line: number | undefined
}

/** Findings of one rule that are named beside the first; a node can have thousands. */
const namedFindings = 10

/**
 * The problems of a document. Findings of one rule with one effect are one problem, since CI systems show a
 * few only.
 *
 * @param strict counts fields that the API server would drop, and missing facts, as errors
 */
export function problemsOf(checked: Checked, strict: boolean): Problem[] {
  const { result, place } = checked
  const { source, what, outcome, message, doubts, unknown = [] } = result
  const at = (path: string) => ({ source, what, file: place.file, line: lineOfField(place, path) })
  const simple = (rule: ReportRule, level: Problem['level'], text: string, path = ''): Problem => ({
    ...at(path),
    rule,
    level,
    headline: text.split('\n')[0] ?? text,
    message: text,
  })
  return [
    ...(outcome === 'unusable'
      ? [simple('cannot-be-judged', 'error', message ?? 'it cannot be judged')]
      : []),
    ...findingProblems(checked).map(({ path, ...problem }) => ({ ...at(path), ...problem })),
    ...doubts.map((doubt) => {
      const [, kind, path = ''] = /^(unknown|duplicate) field "(.*?)"/s.exec(doubt) ?? []
      const rule = kind === 'duplicate' ? 'duplicate-field' : 'unknown-field'
      return simple(rule, strict ? 'error' : 'warning', doubt, path)
    }),
    ...unknown.map((missing) => simple('facts-missing', strict ? 'error' : 'warning', missing)),
    ...remarksOf(checked).map((remark) => simple('not-as-meant', 'warning', remark)),
  ]
}

type Found = Pick<Problem, 'rule' | 'level' | 'effect' | 'headline' | 'message'> & { readonly path: string }

function findingProblems({ judged, written }: Checked): Found[] {
  if (!judged) return []
  const { change, findings } = judged
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = `${finding.rule} ${finding.effect}`
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  return [...groups.values()].flatMap(([first, ...others]): Found[] =>
    first === undefined
      ? []
      : [
          {
            rule: first.rule,
            level: first.effect === 'warn' ? 'warning' : 'error',
            effect: first.effect,
            headline: headlineOf(first),
            message: [linesOf(first), ...named(others)].join('\n'),
            path: offendingField(first, change.kind, written),
          },
        ],
  )
}

function named(others: readonly Finding[]): string[] {
  const more = others.length - namedFindings
  const lines = others.slice(0, namedFindings).map(headlineOf)
  return more > 0 ? [...lines, `and ${more} more of this kind`] : lines
}

/** The warnings that are not from a rule: about an override, or about probable mistakes in a patch. */
function remarksOf({ result: { warnings }, judged }: Checked): string[] {
  const ofRules = new Set((judged?.findings ?? []).map((finding) => oneLineOf(finding)))
  return warnings.filter((warning) => !ofRules.has(warning) && !/^and \d+ more of this kind$/.test(warning))
}

/**
 * A file as CI systems name it: from the root of the repository, with slashes. A file outside of it keeps its
 * whole path.
 */
export function relativeFile(root: string, file: string): string {
  const whole = resolve(file)
  const within = relative(root, whole)
  const isOutside = within === '' || within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)
  return (isOutside ? whole : within).split(sep).join('/')
}
