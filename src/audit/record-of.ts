import type { Timing, UnjudgedWrite } from '../gate/ports.ts'
import { findingsOf, type Verdict } from '../gate/verdict.ts'
import type { Profile } from '../longhorn/profile.ts'
import { nameOf, type Change, type Request } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { name, names, text } from './record-text.ts'
import { auditSchema, type AuditRecord } from './record.ts'

/** What is known besides the decision itself. */
export interface Circumstances {
  readonly replica: string
  readonly release: string | undefined
  readonly profile: Profile
  /** Of the disk map, in milliseconds; Infinity before there was one. */
  readonly ageMs: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** So many findings at most are on record in full; a node can have thousands. */
const recordedFindings = 50

/** Those beyond this many UTF-16 units are left out, but for the first: many are long where names are long. */
const recordedFindingsSize = 16_384

/** So many subjects of a finding are on record. */
const recordedSubjects = 10

/** The record of a write that a door denied by itself. */
export function recordOfUnjudged(
  { request, kind, name, operation, why }: UnjudgedWrite,
  circumstances: Circumstances,
): AuditRecord {
  return {
    ...envelope(request, { kind, name }, operation, circumstances),
    verdict: 'unavailable',
    why,
    findings: [],
    waitedMs: 0,
    decisionMs: 0,
    count: 1,
  }
}

/** The record of one decision. */
export function recordOf(
  change: Change,
  verdict: Verdict,
  { totalMs, heldMs }: Timing,
  circumstances: Circumstances,
): AuditRecord {
  return {
    ...envelope(change.request, { kind: change.kind, name: nameOf(change) }, change.operation, circumstances),
    verdict: verdict.decision,
    ...whyUnjudged(verdict),
    findings: recordedOf(findingsOf(verdict)),
    ...(verdict.decision === 'allow' && verdict.override
      ? { override: { reason: text(verdict.override.reason) } }
      : {}),
    ...(verdict.decision === 'allow' && verdict.mark ? { mark: verdict.mark } : {}),
    waitedMs: Math.round(heldMs),
    // Microseconds say enough.
    decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
    count: 1,
  }
}

function envelope(
  { uid, actor, dryRun, door }: Request,
  object: AuditRecord['object'],
  operation: string,
  { replica, release, profile, ageMs, now }: Circumstances,
): Pick<AuditRecord, Envelope> {
  return {
    schema: auditSchema,
    time: new Date(now).toISOString(),
    replica,
    uid: name(uid),
    door,
    actor: { user: text(actor.username), groups: names(actor.groups) },
    object: { kind: object.kind, name: name(object.name) },
    operation,
    dryRun,
    longhorn: { ...(release === undefined ? {} : { release: name(release) }), profile },
    ...(Number.isFinite(ageMs) ? { diskMapAgeMs: Math.round(ageMs) } : {}),
  }
}

type Envelope =
  | 'schema'
  | 'time'
  | 'replica'
  | 'uid'
  | 'door'
  | 'actor'
  | 'object'
  | 'operation'
  | 'dryRun'
  | 'longhorn'
  | 'diskMapAgeMs'

function whyUnjudged(verdict: Verdict): Pick<AuditRecord, 'why'> {
  if (verdict.decision === 'unavailable') return { why: verdict.why }
  return verdict.decision === 'allow' && verdict.unjudged ? { why: verdict.unjudged } : {}
}

function recordedOf(findings: readonly Finding[]): AuditRecord['findings'] {
  const recorded: AuditRecord['findings'] = []
  let size = 0
  for (const finding of findings.slice(0, recordedFindings)) {
    const copy = copied(finding)
    size += JSON.stringify(copy).length
    if (size > recordedFindingsSize && recorded.length > 0) break
    recorded.push(copy)
  }
  return recorded
}

/** Field by field, so that nothing but what the schema names gets on record, and none of it whole if it is long. */
function copied({ rule, effect, subjects, message, clears }: Finding): AuditRecord['findings'][number] {
  return {
    rule,
    effect,
    subjects: subjects.slice(0, recordedSubjects).map(copiedSubject),
    message: text(message),
    clears: text(clears),
  }
}

function copiedSubject({ node, disk, diskUUID, image }: Subject): Subject {
  return {
    ...(node === undefined ? {} : { node: name(node) }),
    ...(disk === undefined ? {} : { disk: name(disk) }),
    ...(diskUUID === undefined ? {} : { diskUUID: name(diskUUID) }),
    ...(image === undefined ? {} : { image: name(image) }),
  }
}

type Subject = Finding['subjects'][number]
