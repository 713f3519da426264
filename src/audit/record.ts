import { Type, type Static } from 'typebox'
import { parser } from '../longhorn/parse.ts'

/** Which form a record has. A field may be added under this name; none goes, and none changes its meaning. */
export const auditSchema = 'holdfast.dev/audit/v1'

const Text = Type.String()
const Milliseconds = Type.Number({ minimum: 0 })

/** What a finding is about, in a record. */
const SubjectSchema = Type.Object({
  node: Type.Optional(Text),
  disk: Type.Optional(Text),
  diskUUID: Type.Optional(Text),
  image: Type.Optional(Text),
})

/**
 * JSON Schema of an audit record: one decision, or many alike that came again and again (`holdfast audit --schema`).
 * It holds no object, no managedFields and nothing secret: who asked, for what, and what was said.
 */
export const AuditRecordSchema = Type.Object(
  {
    schema: Type.Literal(auditSchema),
    time: Type.String({
      description: 'When it was decided, the last of them if there are several; RFC 3339.',
    }),
    replica: Type.String({ description: 'The replica of the guard that decided.' }),
    uid: Type.String({ description: 'Of the request, of the last if there are several.' }),
    door: Type.String({
      description: 'Where it came in: webhook, proxy-kubernetes, proxy-longhorn or check.',
    }),
    actor: Type.Object({ user: Text, groups: Type.Array(Text) }),
    object: Type.Object({ kind: Text, name: Text }),
    operation: Type.String({ description: 'CREATE, UPDATE or DELETE.' }),
    dryRun: Type.Boolean(),
    verdict: Type.Union(
      [Type.Literal('allow'), Type.Literal('hold'), Type.Literal('refuse'), Type.Literal('unavailable')],
      { description: 'hold: it was held back for as long as it could be, and then told to come again.' },
    ),
    why: Type.Optional(Type.String({ description: 'Why it could not be judged, if it could not.' })),
    findings: Type.Array(
      Type.Object({
        rule: Text,
        effect: Type.Union([Type.Literal('refuse'), Type.Literal('hold'), Type.Literal('warn')]),
        subjects: Type.Array(SubjectSchema),
        message: Text,
        clears: Text,
      }),
    ),
    override: Type.Optional(
      Type.Object(
        { reason: Text },
        {
          description: 'Of an exception that was asked for and made: what would have been said is a warning.',
        },
      ),
    ),
    mark: Type.Optional(
      Type.String({
        description:
          'Why it passed without being judged. uninstalling: Longhorn’s uninstaller has marked the object that is deleted. collected: the namespace controller or the garbage collector deletes it.',
      }),
    ),
    waitedMs: Type.Number({ minimum: 0, description: 'How long it was held inside the request.' }),
    decisionMs: Type.Number({ minimum: 0, description: 'How long deciding took, the wait not counted.' }),
    longhorn: Type.Object({
      release: Type.Optional(Text),
      profile: Type.String({ description: 'What the release does: A, B, C or none.' }),
    }),
    diskMapAgeMs: Type.Optional({
      ...Milliseconds,
      description: 'How old the knowledge was; left out while there was none.',
    }),
    count: Type.Integer({ minimum: 1, description: 'How many decisions this is the record of.' }),
    since: Type.Optional(Type.String({ description: 'When the first of several was decided; RFC 3339.' })),
  },
  { $id: auditSchema, title: 'A decision of Holdfast' },
)

/** One record of the audit; the schema says what each field means. */
export type AuditRecord = Static<typeof AuditRecordSchema>

/** Reads a record that was written before. Fields that are not known are kept. */
export const parseRecord = parser(AuditRecordSchema, (record): AuditRecord => record)
