import type { AuditRecord } from '../../observability/audit-record.ts'

/** Decisions that are one thing for a person: a client that waits, or a controller that tries again and again. */
export interface AuditRow {
  /** The latest of them. */
  readonly last: AuditRecord
  /** How many decisions. */
  readonly count: number
  /** From when the first request came to the last decision, in milliseconds, if it waited at all. */
  readonly waitedMs: number
  /** The rules of all of them, in their order. */
  readonly rules: readonly string[]
}

/** Decisions that are further apart are not one thing, in milliseconds. */
const togetherMs = 10 * 60_000

/**
 * Joins decisions about one change of one object by one user: those with the same verdict for the same cause, and a wait. A
 * wait may have one cause after the other, and the decision that lets the request pass is its end.
 *
 * @param records the oldest first
 */
export function joined(records: readonly AuditRecord[]): readonly AuditRow[] {
  const episodes: AuditRecord[][] = []
  const open = new Map<string, AuditRecord[]>()
  for (const record of records) {
    const keys = keysOf(record)
    const found = keys.map((key) => open.get(key)).find((episode) => continues(episode, record))
    const episode = found ?? []
    if (found === undefined) episodes.push(episode)
    episode.push(record)
    for (const key of keys) open.set(key, episode)
  }
  return episodes.flatMap(rowOf).toSorted((one, other) => one.last.time.localeCompare(other.last.time, 'en'))
}

/** Any hold goes on with a wait for the same change, and a pass behind a wait ends it: neither depends on the cause. */
function keysOf(record: AuditRecord): readonly string[] {
  const { actor, object, operation, dryRun, verdict, why, override, mark } = record
  const request = [actor.user, object.kind, object.name, operation, changeOf(record), dryRun]
  const own = JSON.stringify([...request, verdict, rulesOf(record), why, override?.reason, mark])
  const waiting = JSON.stringify([...request, 'waits'])
  const isEnd = verdict === 'allow' && record.waitedMs > 0
  return verdict === 'hold' || isEnd ? [own, waiting] : [own]
}

function continues(episode: readonly AuditRecord[] | undefined, record: AuditRecord): boolean {
  const before = episode?.at(-1)
  if (before === undefined) return false
  if (Date.parse(record.since ?? record.time) - Date.parse(before.time) > togetherMs) return false
  // What comes after the end of a wait is another one.
  return !(before.verdict === 'allow' && before.waitedMs > 0)
}

function rowOf(episode: readonly AuditRecord[]): AuditRow[] {
  const [first] = episode
  const last = episode.at(-1)
  if (first === undefined || last === undefined) return []
  const isWait = !last.dryRun && episode.some(({ verdict, waitedMs }) => verdict === 'hold' || waitedMs > 0)
  const began = Date.parse(first.since ?? first.time) - first.waitedMs
  return [
    {
      last,
      count: episode.reduce((sum, { count }) => sum + count, 0),
      waitedMs: isWait ? Date.parse(last.time) - began : 0,
      rules: [...new Set(episode.flatMap(rulesOf))],
    },
  ]
}

/** The rules that had a part, or why it could not be judged. */
function rulesOf({ findings, why }: AuditRecord): readonly string[] {
  return [...new Set([...findings.map(({ rule }) => rule), ...(why === undefined ? [] : [why])])]
}

/** What the request does, in words; in those of the API in a record of an older version. */
export function changeOf({ change, operation, object, dryRun }: AuditRecord): string {
  return `${change ?? `${operation} ${object.kind}/${object.name}`}${dryRun ? ' (dry run)' : ''}`
}
