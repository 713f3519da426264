import { plainLine } from '../../text/plain-text.ts'
import { hanging } from '../../text/wrap.ts'
import type { Colours } from '../terminal.ts'
import { checkCallers, checkDisks } from './callers.ts'
import { checkServingCertificate, checkTrust } from './certificate.ts'
import { checkBook, checkClock, checkReservations } from './clock.ts'
import { checkCrds } from './crds.ts'
import type { Facts } from './facts.ts'
import { type CheckName, checkNames, type DoctorFinding, type Level } from './finding.ts'
import { checkPolicies } from './policies.ts'
import { checkRegistration } from './registration.ts'
import { checkRelease, checkUpgrade } from './release.ts'
import { checkReplicas } from './replicas.ts'
import { checkRights } from './rights.ts'
import { checkDryRun } from './dry-run.ts'

/** The output of `holdfast doctor`: one document for programs, and the source of its text. */
export interface Diagnosis {
  readonly apiVersion: 'holdfast.dev/v1'
  readonly kind: 'Diagnosis'
  readonly observedAt: string
  readonly summary: Readonly<Record<Level, number>>
  readonly findings: readonly DoctorFinding[]
}

const checks: Readonly<Record<CheckName, (facts: Facts) => DoctorFinding[]>> = {
  release: checkRelease,
  crds: checkCrds,
  disks: checkDisks,
  registration: checkRegistration,
  trust: checkTrust,
  certificate: checkServingCertificate,
  rights: checkRights,
  replicas: checkReplicas,
  rules: checkPolicies,
  callers: checkCallers,
  'dry-run': checkDryRun,
  reservations: checkReservations,
  book: checkBook,
  clock: checkClock,
  upgrade: checkUpgrade,
}

/** Runs every check. */
export function diagnose(facts: Facts): Diagnosis {
  const findings = checkNames.flatMap((name) => checks[name](facts))
  const summary = { ok: 0, warn: 0, error: 0, unknown: 0 }
  for (const { level } of findings) summary[level] += 1
  return {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Diagnosis',
    observedAt: new Date(facts.now).toISOString(),
    summary,
    findings,
  }
}

/**
 * A diagnosis for a person: a line for each finding, below it the reason and the remedy, and a summary.
 *
 * @param columns of the terminal; undefined where none is
 */
export function text({ findings, summary }: Diagnosis, colours: Colours, columns?: number): string {
  const paint: Readonly<Record<Level, (text: string) => string>> = {
    ok: colours.green,
    warn: colours.yellow,
    error: colours.red,
    unknown: colours.magenta,
  }
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, what, why, remedy }) => [
    hanging(
      `${paint[level](level.padEnd('unknown'.length))}  ${check.padEnd(width)}  `,
      plainLine(what),
      columns,
    ),
    ...(why === null ? [] : [hanging(`${indent}why: `, plainLine(why), columns)]),
    ...(remedy === null ? [] : [hanging(`${indent}do:  `, plainLine(remedy), columns)]),
  ])
  const { ok, warn, error, unknown } = summary
  return `${lines.join('\n')}\n\n${error} error, ${warn} warn, ${unknown} unknown, ${ok} ok\n`
}

const indent = ' '.repeat('unknown'.length + 2)
