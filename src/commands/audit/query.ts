import { TextDecoder } from 'node:util'
import { type AuditRecord, parseRecord } from '../../observability/audit-record.ts'
import { encodingOf } from '../../text/yaml.ts'

/** The filter of a person; an absent part matches everything. */
export interface AuditFilter {
  /** Not before this, in milliseconds since the epoch. */
  readonly since?: number
  /** A node that the request writes, or that a finding is about. */
  readonly node?: string
  /** A backing image that the request writes, or that a finding is about. */
  readonly image?: string
  readonly user?: string
  readonly rule?: string
  readonly verdict?: string
}

/** True if the filter matches the record. */
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

/** How often one user met one rule with one outcome. */
export interface SummaryLine {
  readonly user: string
  /** For a decision without a rule: why it could not be judged. */
  readonly rule: string
  readonly verdict: AuditRecord['verdict']
  readonly count: number
  /** RFC 3339. */
  readonly first: string
  readonly last: string
}

/**
 * Counts decisions by user, rule and outcome, most frequent first. A decision by several rules counts for
 * each of them.
 */
export function summarise(records: Iterable<AuditRecord>): SummaryLine[] {
  const lines = new Map<string, SummaryLine>()
  for (const record of records) {
    const { actor, verdict, why, findings, count, time, since = time } = record
    const rules = findings.length > 0 ? new Set(findings.map(({ rule }) => rule)) : [why ?? 'none']
    for (const rule of rules) {
      const key = JSON.stringify([actor.user, rule, verdict])
      const line = lines.get(key) ?? { user: actor.user, rule, verdict, count: 0, first: since, last: time }
      lines.set(key, {
        ...line,
        count: line.count + count,
        first: since < line.first ? since : line.first,
        last: time > line.last ? time : line.last,
      })
    }
  }
  return [...lines.values()].toSorted(
    (one, other) => other.count - one.count || one.user.localeCompare(other.user, 'en'),
  )
}

/**
 * The records among the lines of a log, a file or an answer. It skips other lines: the guard's log has both,
 * and a killed process may have left half a line.
 */
export async function* recordsIn(source: AsyncIterable<Buffer | string>): AsyncGenerator<AuditRecord, void> {
  for await (const line of linesOf(source)) {
    const record = recordIn(line)
    if (record) yield record
  }
}

/** The record in one line, if it is one. */
export function recordIn(line: string): AuditRecord | undefined {
  // Most lines of a log are no records, and this finds out without parsing.
  if (!line.includes('"holdfast.dev/audit/')) return undefined
  const start = line.indexOf('{')
  try {
    const json: unknown = JSON.parse(line.slice(start))
    const parsed = parseRecord(json)
    return parsed.ok ? parsed.value : undefined
  } catch {
    return undefined
  }
}

async function* linesOf(source: AsyncIterable<Buffer | string>): AsyncGenerator<string, void> {
  let decoder: TextDecoder | undefined
  let rest = ''
  for await (const chunk of source) {
    // PowerShell writes logs as UTF-16.
    decoder ??= new TextDecoder(typeof chunk === 'string' ? 'utf-8' : encodingOf(chunk))
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
