import type { AuditRecord } from './record.ts'

/** How often one user met one rule with one outcome. */
export interface SummaryLine {
  readonly user: string
  /** Of a decision that no rule had a part in, why it could not be judged. */
  readonly rule: string
  readonly verdict: AuditRecord['verdict']
  readonly count: number
  /** RFC 3339. */
  readonly first: string
  readonly last: string
}

/** Who was told what by which rule, most often first. A decision by several rules counts for each of them. */
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
