import { checkBook } from './book.ts'
import { checkCallers } from './callers.ts'
import { checkCertificate } from './certificate.ts'
import { checkClock } from './clock.ts'
import { checkCrds } from './crds.ts'
import { checkDisks } from './disks.ts'
import type { Facts } from './facts.ts'
import type { CheckName, Finding, Level } from './finding.ts'
import { checkNames } from './finding.ts'
import { checkPolicies } from './policies.ts'
import { checkRegistration } from './registration.ts'
import { checkRelease } from './release.ts'
import { checkReplicas } from './replicas.ts'
import { checkReservations } from './reservations.ts'
import { checkRights } from './rights.ts'
import { checkTrial } from './trial.ts'
import { checkTrust } from './trust.ts'
import { checkUpgrade } from './upgrade.ts'

/** What `holdfast doctor` tells: one document for programs, and what its text is made from. */
export interface Diagnosis {
  readonly apiVersion: 'holdfast.dev/v1'
  readonly kind: 'Diagnosis'
  readonly observedAt: string
  readonly summary: Readonly<Record<Level, number>>
  readonly findings: readonly Finding[]
}

const checks: Readonly<Record<CheckName, (facts: Facts) => Finding[]>> = {
  release: checkRelease,
  crds: checkCrds,
  disks: checkDisks,
  registration: checkRegistration,
  trust: checkTrust,
  certificate: checkCertificate,
  rights: checkRights,
  replicas: checkReplicas,
  rules: checkPolicies,
  callers: checkCallers,
  'dry-run': checkTrial,
  reservations: checkReservations,
  book: checkBook,
  clock: checkClock,
  upgrade: checkUpgrade,
}

/** Makes every check. */
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
