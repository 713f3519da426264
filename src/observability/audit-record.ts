import { type Static, Type } from 'typebox'
import type { Timing, UnjudgedWrite } from '../gate/ports.ts'
import { decisionFor, findingsOf, type Verdict } from '../gate/verdict.ts'
import { parser } from '../json/schema.ts'
import type { Profile } from '../longhorn/releases.ts'
import { type Change, nameOf, type Request } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { adviceOf, headlineOf } from '../rules/layout.ts'
import type { Policy } from '../rules/policy.ts'
import { cut, plainLine } from '../text/plain-text.ts'

/** The media type of records: one JSON object a line. */
export const linesType = 'application/x-ndjson'

/**
 * The version of the record's form. A field may be added under this name; none is removed, and none changes
 * its meaning.
 */
const auditSchema = 'holdfast.dev/audit/v1'

const Text = Type.String()
const Milliseconds = Type.Number({ minimum: 0 })

/** The objects of a finding, in a record. */
const SubjectSchema = Type.Object({
  node: Type.Optional(Text),
  disk: Type.Optional(Text),
  diskUUID: Type.Optional(Text),
  image: Type.Optional(Text),
})

/**
 * JSON Schema of an audit record: one decision, or many equal ones that were repeated (`holdfast audit
 * --schema`). It holds no object, no managedFields and no secret: only the user, the request and the answer.
 */
export const AuditRecordSchema = Type.Object(
  {
    schema: Type.Literal(auditSchema),
    time: Type.String({
      description: 'When it was decided; of several decisions, the last. RFC 3339.',
    }),
    replica: Type.String({ description: 'The replica of the guard that decided.' }),
    uid: Type.String({ description: 'The uid of the request; of several, the last.' }),
    door: Type.String({
      description:
        'Where it came in: webhook, proxy-kubernetes, proxy-longhorn or check. rescue: the guard has done it by itself.',
    }),
    actor: Type.Object({ user: Text, groups: Type.Array(Text) }),
    object: Type.Object({ kind: Text, name: Text }),
    change: Type.Optional(
      Type.String({
        description:
          'What the request does, in words: evicting disk-2 of node-1. Absent of a write that a door denied by itself, and of older versions.',
      }),
    ),
    operation: Type.String({ description: 'CREATE, UPDATE or DELETE.' }),
    dryRun: Type.Boolean(),
    verdict: Type.Union(
      [Type.Literal('allow'), Type.Literal('hold'), Type.Literal('refuse'), Type.Literal('unavailable')],
      {
        description:
          'What the user got. hold: 429, normally after the request had waited as long as it could. refuse: 403, also where a rule would hold but the account must not wait, as that of Longhorn: see the effect of the findings.',
      },
    ),
    why: Type.Optional(Type.String({ description: 'Why it could not be judged; absent if it was.' })),
    findings: Type.Array(
      Type.Object({
        rule: Text,
        effect: Type.Union([Type.Literal('refuse'), Type.Literal('hold'), Type.Literal('warn')]),
        subjects: Type.Array(SubjectSchema),
        message: Type.String({ description: 'The change, the verdict, its cause, and why.' }),
        clears: Type.String({
          description: 'What ends the wait, or what to do instead; then commands to look.',
        }),
      }),
    ),
    override: Type.Optional(
      Type.Object(
        { reason: Text },
        {
          description: 'The override that was granted; its findings are warnings.',
        },
      ),
    ),
    mark: Type.Optional(
      Type.String({
        description:
          'Why it passed without being judged. uninstalling: Longhorn’s uninstaller has marked the object that is deleted. collected: the namespace controller or the garbage collector deletes it.',
      }),
    ),
    rescue: Type.Optional(
      Type.Object(
        {
          step: Type.String({
            description: 'cleared, would-clear, raised, struck, handed-over or not-raised.',
          }),
          node: Type.Boolean({ description: 'Whether the node’s own flag is among them.' }),
          disks: Type.Array(Text, { description: 'The disks whose flags are.' }),
          message: Text,
        },
        {
          description:
            'What the guard itself has done to these eviction flags, with rescue: on. The record is of no request then.',
        },
      ),
    ),
    waitedMs: Type.Number({ minimum: 0, description: 'How long the request waited.' }),
    decisionMs: Type.Number({ minimum: 0, description: 'How long the decision took, without the wait.' }),
    longhorn: Type.Object({
      release: Type.Optional(Text),
      profile: Type.String({ description: 'What the release does: A, B, C or none.' }),
    }),
    diskMapAgeMs: Type.Optional({
      ...Milliseconds,
      description: 'Age of the disk map; absent before there was one.',
    }),
    count: Type.Integer({ minimum: 1, description: 'How many decisions this record stands for.' }),
    since: Type.Optional(Type.String({ description: 'When the first of several was decided; RFC 3339.' })),
  },
  { $id: auditSchema, title: 'A decision of Holdfast' },
)

/** One record of the audit; the schema explains each field. */
export type AuditRecord = Static<typeof AuditRecordSchema>

/** Reads an earlier record. It keeps unknown fields. */
export const parseRecord = parser(AuditRecordSchema, (record): AuditRecord => record)

/** The facts besides the decision itself. */
export interface RecordCircumstances {
  readonly replica: string
  readonly release: string | undefined
  readonly profile: Profile
  /** The age of the disk map, in milliseconds; Infinity before there was one. */
  readonly ageMs: number
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What a change does, in words. */
  readonly inWords?: (change: Change) => string
  /** Which accounts must not wait: they get a hold as a denial. */
  readonly policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
}

/** The maximum of findings that a record has in full; a node can have thousands. */
const recordedFindings = 50

/** Findings beyond this many UTF-16 units are left out, except the first one. Long names make many long. */
const recordedFindingsSize = 16_384

/** The maximum of subjects of a finding in a record. */
export const recordedSubjects = 10

/** The record of a write that a door denied by itself. */
export function recordOfUnjudged(
  { request, kind, name, operation, why }: UnjudgedWrite,
  circumstances: RecordCircumstances,
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
  circumstances: RecordCircumstances,
): AuditRecord {
  const words = circumstances.inWords?.(change) ?? ''
  return {
    ...envelope(change.request, { kind: change.kind, name: nameOf(change) }, change.operation, circumstances),
    ...(words === '' ? {} : { change: text(words) }),
    verdict: decisionFor(change, verdict, circumstances.policy),
    ...whyUnjudged(verdict),
    findings: recordedOf(findingsOf(verdict)),
    ...(verdict.decision === 'allow' && verdict.override
      ? { override: { reason: text(verdict.override.reason) } }
      : {}),
    ...(verdict.decision === 'allow' && verdict.mark ? { mark: verdict.mark } : {}),
    waitedMs: Math.round(heldMs),
    // Microseconds are precise enough.
    decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
    count: 1,
  }
}

/** The fields of every record that say who did what to which object, and when. */
export function envelope(
  { uid, actor, dryRun, door }: Omit<Request, 'door'> & { readonly door: string },
  object: AuditRecord['object'],
  operation: string,
  { replica, release, profile, ageMs, now }: RecordCircumstances,
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

/** Field by field, so that the record has only the fields of the schema, and none of them is too long. */
function copied(finding: Finding): AuditRecord['findings'][number] {
  const { rule, effect, subjects, why } = finding
  return {
    rule,
    effect,
    subjects: subjects.slice(0, recordedSubjects).map(copiedSubject),
    message: text(`${headlineOf(finding)}. ${why}`),
    clears: text(adviceOf(finding)),
  }
}

/** The fields of a subject that the schema names. */
export function copiedSubject({ node, disk, diskUUID, image }: Subject): Subject {
  return {
    ...(node === undefined ? {} : { node: name(node) }),
    ...(disk === undefined ? {} : { disk: name(disk) }),
    ...(diskUUID === undefined ? {} : { diskUUID: name(diskUUID) }),
    ...(image === undefined ? {} : { image: name(image) }),
  }
}

type Subject = Finding['subjects'][number]

/**
 * Longer than any name that Kubernetes allows (253), in UTF-16 units. Map keys, such as names of disks, have
 * no limit there.
 */
const longestName = 256

/** For users, reasons and messages, in UTF-16 units. An annotation may have 256 KiB. */
const longestText = 1_024

/** The maximum of a user's groups in a record. */
const mostNames = 64

/** A name in a record: one line, at most as long as a name can be. */
export function name(given: string): string {
  return cut(plainLine(given), longestName)
}

/** A text in a record: one line of 1,024 characters at most. */
export function text(given: string): string {
  return cut(plainLine(given), longestText)
}

/** Names in a record: the first 64, and the number of the others. */
export function names(given: readonly string[]): string[] {
  const more = given.length - mostNames
  const recorded = given.slice(0, mostNames).map(name)
  return more > 0 ? [...recorded, `… and ${more} more`] : recorded
}
