import { createHash } from 'node:crypto'
import type { ReportedResult, ReportSink } from '../gate/report-port.ts'
import type { Effect, RuleName } from '../rules/finding.ts'
import { cut } from '../text/plain-text.ts'
import type { AuditRecord } from './audit-record.ts'
import type { AuditSink } from './audit-sinks.ts'

/** Writes denials, waits and warnings to a report. Dry runs concern their author only. */
export class ReportRecords implements AuditSink {
  readonly name = 'report'
  readonly #sink: ReportSink

  constructor(sink: ReportSink) {
    this.#sink = sink
  }

  write(record: AuditRecord): void {
    for (const result of resultsOf(record)) this.#sink.record(result)
  }

  stop(): Promise<void> {
    return this.#sink.stop()
  }
}

type RecordedFinding = AuditRecord['findings'][number]

/** The results of a record: one for each rule and effect, and one if it could not be judged. */
function resultsOf(record: AuditRecord): ReportedResult[] {
  if (record.dryRun) return []
  const groups = new Map<string, RecordedFinding[]>()
  for (const finding of record.findings) {
    const key = `${finding.rule} ${finding.effect}`
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  const found = [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [resultOf(record, first, others.length)],
  )
  return record.verdict === 'unavailable' ? [...found, unjudgedResult(record)] : found
}

function resultOf(record: AuditRecord, finding: RecordedFinding, more: number): ReportedResult {
  const { rule, effect, subjects, message, clears } = finding
  const [{ node, disk, diskUUID, image } = {}] = subjects
  return {
    ...common(record, rule, effect),
    rule,
    category: isRule(rule) ? categories[rule] : otherCategory,
    ...weights[effect],
    message: more > 0 ? `${message} And ${more} more of this kind.` : message,
    properties: {
      effect,
      next: cut(clears, longestAdvice),
      ...knownValues({ node, disk, diskUUID, image }),
      ...properties(record),
    },
  }
}

/** A request that was denied since the guard could not tell whether it is safe. */
function unjudgedResult(record: AuditRecord): ReportedResult {
  const { why = 'undecided', object, operation } = record
  return {
    ...common(record, why, 'unavailable'),
    rule: why,
    category: 'not judged',
    result: 'error',
    severity: 'high',
    message: `the ${operation} of ${object.kind} ${object.name} could not be judged, so it was denied`,
    properties: { effect: 'unavailable', ...properties(record) },
  }
}

/** Advice is for people who read a table. The record has all of it. In UTF-16 units. */
const longestAdvice = 512

const weights = {
  refuse: { result: 'fail', severity: 'high' },
  hold: { result: 'fail', severity: 'medium' },
  warn: { result: 'warn', severity: 'low' },
} as const satisfies Record<Effect, Pick<ReportedResult, 'result' | 'severity'>>

/** The damage that a rule prevents. Policy Reporter groups by it. */
const categories: Readonly<Record<RuleName, string>> = {
  'eviction-during-cleanup': 'manager crash',
  'cleanup-during-eviction': 'manager crash',
  'first-file-during-eviction': 'manager crash',
  'first-file-unfinished': 'manager crash',
  'last-usable-copy': 'data loss',
  'evict-unready-copy': 'data loss',
  'copy-in-use': 'data loss',
  'below-min-copies': 'data loss',
  'disk-removal-with-copies': 'data loss',
  'images-nowhere': 'data loss',
  'no-eviction-target': 'maintenance',
  'lingering-eviction': 'maintenance',
  'eviction-budget': 'maintenance',
}
const otherCategory = 'other'

/** Records have rules as texts. */
function isRule(rule: string): rule is RuleName {
  return Object.hasOwn(categories, rule)
}

function common(
  { actor, object, operation, count, time }: AuditRecord,
  rule: string,
  effect: string,
): Pick<ReportedResult, 'key' | 'object' | 'count' | 'at'> {
  const same = [rule, effect, object.kind, object.name, operation, actor.user]
  const key = createHash('sha256').update(JSON.stringify(same)).digest('hex').slice(0, 16)
  return { key, object, count, at: Date.parse(time) }
}

function properties(record: AuditRecord): Readonly<Record<string, string>> {
  const { actor, operation, door, replica, longhorn, override } = record
  return knownValues({
    user: actor.user,
    operation,
    door,
    replica,
    longhorn: longhorn.release,
    override: override?.reason,
  })
}

/** The values that are known. */
function knownValues(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
