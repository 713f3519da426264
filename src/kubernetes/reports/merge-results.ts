import { type Static, Type } from 'typebox'
import type { ReportedResult } from '../../gate/report-port.ts'
import { optional } from '../../json/schema.ts'
import { group, version } from '../../longhorn/kinds.ts'

/** The source by which reports and their readers know Holdfast. */
export const reportSource = 'holdfast'

/** A result as it is stored, as far as Holdfast reads it back. */
export const StoredResultSchema = Type.Object({
  source: optional(Type.String()),
  result: optional(Type.String()),
  timestamp: optional(Type.Object({ seconds: optional(Type.Number()) })),
  properties: optional(Type.Record(Type.String(), Type.String())),
})

/** A result as it is stored. */
export type StoredResult = Static<typeof StoredResultSchema>

/** Limits of a report. */
export interface ReportLimits {
  /** The maximum of results. */
  readonly results: number
  /** The maximum size of all results as JSON. An object of Kubernetes may have 1.5 MiB. */
  readonly bytes: number
  /** How long a result stays after the last request that it stands for, in milliseconds. */
  readonly keepMs: number
  /** A later repetition is a new result, so that people are notified again; in milliseconds. */
  readonly seriesMs: number
}

/**
 * Adds results to those of a report, which other replicas may have written. Results that are too old, and the
 * oldest beyond the limits, are left out. The newest come first.
 *
 * @param now milliseconds since the epoch
 */
export function mergeResults(
  stored: readonly StoredResult[],
  added: readonly ReportedResult[],
  { namespace, now, limits }: { namespace: string; now: number; limits: ReportLimits },
): StoredResult[] {
  const merged = new Map<string, StoredResult>()
  // A result without an identity is not a guard's, so it is left out.
  for (const result of stored) if (idOf(result) !== '') merged.set(idOf(result), result)
  for (const result of added) {
    const earlier = [...merged.values()].find((each) => isSameSeries(each, result, limits.seriesMs))
    const next = storedOf(result, earlier, namespace)
    merged.set(idOf(next), next)
  }
  const fresh = [...merged.values()]
    .filter((result) => now - timeOf(result) < limits.keepMs)
    .toSorted((one, other) => timeOf(other) - timeOf(one))
  return withinBytes(fresh.slice(0, limits.results), limits.bytes)
}

/** When the next result is too old, in milliseconds since the epoch; undefined if there is none. */
export function nextExpiry(stored: readonly StoredResult[], keepMs: number): number | undefined {
  return stored.length === 0 ? undefined : Math.min(...stored.map(timeOf)) + keepMs
}

/** How many results there are of each kind. */
export function summaryOf(stored: readonly StoredResult[]) {
  const count = (wanted: string): number => stored.filter(({ result }) => result === wanted).length
  return { pass: 0, fail: count('fail'), warn: count('warn'), error: count('error'), skip: 0 }
}

/** Policy Reporter takes it for the identity of a result, and notifies people once of each. */
function idOf({ properties }: StoredResult): string {
  return properties?.resultID ?? ''
}

function timeOf({ timestamp }: StoredResult): number {
  return (timestamp?.seconds ?? 0) * 1_000
}

function isSameSeries(stored: StoredResult, { key, at }: ReportedResult, seriesMs: number): boolean {
  return idOf(stored).startsWith(`${key}-`) && at - timeOf(stored) < seriesMs
}

function storedOf(added: ReportedResult, earlier: StoredResult | undefined, namespace: string): StoredResult {
  const { key, rule, category, result, severity, message, object, at } = added
  const before = Number(earlier?.properties?.count ?? 0)
  const last = Math.max(at, earlier ? timeOf(earlier) : 0)
  const resource = { apiVersion: `${group}/${version}`, kind: object.kind, name: object.name, namespace }
  const stored = {
    source: reportSource,
    policy: reportSource,
    rule,
    category,
    severity,
    result,
    scored: result === 'fail',
    message,
    timestamp: { seconds: Math.floor(last / 1_000), nanos: 0 },
    resources: [resource],
    properties: {
      ...added.properties,
      resultID: earlier ? idOf(earlier) : `${key}-${Math.floor(at / 1_000)}`,
      since: earlier?.properties?.since ?? new Date(at).toISOString(),
      count: String((Number.isSafeInteger(before) ? before : 0) + added.count),
    },
  }
  return stored
}

function withinBytes(results: readonly StoredResult[], most: number): StoredResult[] {
  let bytes = 0
  const end = results.findIndex((result) => {
    bytes += Buffer.byteLength(JSON.stringify(result)) + 1
    return bytes > most
  })
  return end < 0 ? [...results] : results.slice(0, end)
}
