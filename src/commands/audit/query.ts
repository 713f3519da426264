import { TextDecoder } from 'node:util'
import { type AuditRecord, parseRecord } from '../../observability/audit-record.ts'
import { type HoldRecord, parseHoldRecord } from '../../observability/hold-record.ts'
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

/** Whether it is told that a request waits: no verdict is known yet, but what it waits for. */
export function concernsHold(
  hold: HoldRecord,
  { since, node, image, user, rule, verdict }: AuditFilter,
): boolean {
  const { object, causes, nodes } = hold
  return (
    (since === undefined || Date.parse(hold.time) >= since) &&
    (verdict === undefined || verdict === 'hold') &&
    (user === undefined || hold.user === user) &&
    (rule === undefined || causes.some((cause) => cause.rule === rule)) &&
    (node === undefined || nodes.includes(node)) &&
    (image === undefined ||
      (object.kind !== 'Node' && object.name === image) ||
      causes.some((cause) => cause.image === image))
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

/** The same, and besides what is told of requests that wait. */
export async function* entriesIn(
  source: AsyncIterable<Buffer | string>,
): AsyncGenerator<AuditRecord | HoldRecord, void> {
  for await (const line of linesOf(source)) {
    const entry = recordIn(line) ?? holdIn(line)
    if (entry) yield entry
  }
}

/** True for what is told of a request that waits. */
export function isHold(entry: AuditRecord | HoldRecord): entry is HoldRecord {
  return 'phase' in entry
}

function holdIn(line: string): HoldRecord | undefined {
  if (!line.includes('"holdfast.dev/hold/')) return undefined
  try {
    const parsed = parseHoldRecord(JSON.parse(line))
    return parsed.ok ? parsed.value : undefined
  } catch {
    return undefined
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
  let isSkipping = false
  for await (const chunk of source) {
    // PowerShell writes logs as UTF-16.
    decoder ??= new TextDecoder(typeof chunk === 'string' ? 'utf-8' : encodingOf(chunk))
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    // What has no end yet and is too long for a record is passed over.
    const [first, ...others] = lines
    if (first !== undefined && !isSkipping) yield first
    yield* others
    isSkipping = (isSkipping && first === undefined) || rest.length > longestLine
    if (isSkipping) rest = ''
  }
  if (rest !== '') yield rest
}

/** In characters; what a record keeps is cut to some kilobytes. */
const longestLine = 1024 * 1024
