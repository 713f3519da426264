import type { AuditRecord } from './record.ts'

/** What a person wants to see; what is left out does not matter. */
export interface AuditFilter {
  /** Not before this, in milliseconds since the epoch. */
  readonly since?: number
  /** A node that is written, or that a finding is about. */
  readonly node?: string
  /** A backing image that is written, or that a finding is about. */
  readonly image?: string
  readonly user?: string
  readonly rule?: string
  readonly verdict?: string
}

/** Whether a record is one of those that are wanted. */
export function matches(
  record: AuditRecord,
  { since, node, image, user, rule, verdict }: AuditFilter,
): boolean {
  return (
    (since === undefined || Date.parse(record.time) >= since) &&
    (verdict === undefined || record.verdict === verdict) &&
    (user === undefined || record.actor.user === user) &&
    (rule === undefined || record.findings.some((finding) => finding.rule === rule)) &&
    (node === undefined || concerns(record, 'Node', node, (subject) => subject.node)) &&
    (image === undefined || concerns(record, 'BackingImage', image, (subject) => subject.image))
  )
}

type Subject = AuditRecord['findings'][number]['subjects'][number]

function concerns(
  { object, findings }: AuditRecord,
  kind: string,
  name: string,
  part: (subject: Subject) => string | undefined,
): boolean {
  // A data source has the name of its image.
  const kinds = kind === 'BackingImage' ? [kind, 'BackingImageDataSource'] : [kind]
  if (kinds.includes(object.kind) && object.name === name) return true
  return findings.some(({ subjects }) => subjects.some((subject) => part(subject) === name))
}
