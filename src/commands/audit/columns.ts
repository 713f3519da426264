import type { AuditRecord } from '../../observability/audit-record.ts'
import { age } from '../../time/age.ts'
import type { Column } from '../table.ts'
import type { Colours } from '../terminal.ts'
import { type AuditRow, changeOf } from './rows.ts'
import type { SummaryLine } from './query.ts'

/** The columns of a table of decisions. @param wide true for all of them */
export function auditColumns(wide: boolean, colours: Colours): Column<AuditRow>[] {
  const narrow: Column<AuditRow>[] = [
    { heading: 'TIME', cell: ({ last }) => last.time.replace(/\.\d+Z$/, 'Z') },
    {
      heading: 'VERDICT',
      cell: ({ last }) => shownVerdict(last),
      paint: ({ last }) => paint(shownVerdict(last), colours),
    },
    { heading: 'COUNT', cell: ({ count }) => String(count) },
    { heading: 'USER', cell: ({ last }) => last.actor.user },
    { heading: 'CHANGE', cell: ({ last }) => changeOf(last) },
    { heading: 'RULES', cell: ({ rules }) => rules.join(',') },
  ]
  if (!wide) return narrow
  return [
    ...narrow,
    { heading: 'WAITED', cell: ({ waitedMs }) => (waitedMs > 0 ? age(waitedMs) : ''), below: 'detail' },
    { heading: 'DOOR', cell: ({ last }) => last.door, below: 'detail' },
    { heading: 'REPLICA', cell: ({ last }) => last.replica, below: 'detail' },
    { heading: 'REASON', cell: ({ last }) => reasonOf(last), below: 'sentence' },
  ]
}

/** The columns of `--summary`. @param now milliseconds since the epoch */
export function summaryColumns(now: number, colours: Colours): Column<SummaryLine>[] {
  return [
    { heading: 'COUNT', cell: ({ count }) => String(count) },
    { heading: 'USER', cell: ({ user }) => user },
    { heading: 'VERDICT', cell: ({ verdict }) => verdict, paint: ({ verdict }) => paint(verdict, colours) },
    { heading: 'RULE', cell: ({ rule }) => rule },
    { heading: 'LAST', cell: ({ last }) => `${age(now - Date.parse(last))} ago` },
  ]
}

function reasonOf({ override, mark, findings }: AuditRecord): string {
  return override?.reason ?? mark ?? findings[0]?.message ?? ''
}

function shownVerdict({ verdict, override }: AuditRecord): string {
  return override ? 'override' : verdict
}

function paint(verdict: string, colours: Colours): (text: string) => string {
  switch (verdict) {
    case 'refuse':
    case 'unavailable':
      return colours.red
    case 'hold':
    case 'override':
      return colours.yellow
    default:
      return (text) => text
  }
}
