import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { skip as withoutHelm } from './helm.ts'

/** The outcome of promtool. */
export interface Checked {
  readonly ok: boolean
  /** Everything that it says. */
  readonly said: string
}

/** Runs promtool, Prometheus' own checker. @param input of its standard input */
export function promtool(args: readonly string[], input = ''): Checked {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input })
  return { ok: status === 0, said: `${stdout}${stderr}` }
}

const withoutPromtool = promtool(['--version']).ok
  ? false
  : 'there is no promtool on the PATH; npm run test:e2e:prepare builds it'

/** Why tests of rendered rules and queries are skipped; false if they are not. */
export const skip = withoutHelm || withoutPromtool

/** A series and its values, a minute apart: `['x{node="n1"}', '0+1x60']`. */
export type Series = readonly [series: string, values: string]

/** A case of promtool's unit tests of rules. */
export interface Case {
  readonly name: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly alert_rule_test?: readonly {
    readonly eval_time: string
    readonly alertname: string
    readonly exp_alerts: readonly {
      readonly exp_labels: Readonly<Record<string, string>>
      readonly exp_annotations: Readonly<Record<string, string>>
    }[]
  }[]
  readonly promql_expr_test?: readonly {
    readonly expr: string
    readonly eval_time: string
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[]
  }[]
}

/** The series of a case. */
export function input(series: readonly Series[]): Case['input_series'] {
  return series.map(([name, values]) => ({ series: name, values }))
}

/** Cases, and the rules that they are about. */
export interface Played {
  readonly rules: readonly object[]
  readonly cases: readonly Case[]
}

/**
 * Plays cases on rules, in one go. A rule is evaluated each minute in each case, so those that no case is about are left out.
 *
 * @param folder of files that only this run uses; JSON is YAML too
 */
export function play(folder: string, played: readonly Played[]): Checked {
  const files = played.map(({ rules, cases }, index) => {
    const file = join(folder, `${index}-cases.json`)
    const ruleFile = `${index}-rules.json`
    writeFileSync(join(folder, ruleFile), JSON.stringify({ groups: [{ name: 'holdfast', rules }] }))
    writeFileSync(file, JSON.stringify({ rule_files: [ruleFile], tests: cases }))
    return file
  })
  return promtool(['test', 'rules', ...files])
}
