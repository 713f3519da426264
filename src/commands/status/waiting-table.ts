import { age } from '../../time/age.ts'
import { type Column, table } from '../terminal.ts'
import type { Status } from './status.ts'
import type { WaitingStatus } from './waiting.ts'

/** Who waits, for whom every other table is of use. @returns none if nobody is known to wait */
export function waitingTable({ waiting, observedAt }: Status, wide: boolean): string[] {
  if (waiting === null || waiting.length === 0) return []
  const now = Date.parse(observedAt)
  const columns: Column<WaitingStatus>[] = [
    { heading: 'WAITING', cell: ({ change }) => change },
    { heading: 'USER', cell: ({ user }) => user },
    { heading: 'FOR', cell: ({ since }) => age(now - Date.parse(since)) },
    { heading: 'LEFT', cell: ({ until }) => age(Date.parse(until) - now) },
    { heading: 'CAUSE', cell: cause },
  ]
  const more: Column<WaitingStatus>[] = [
    { heading: 'RULE', cell: ({ causes }) => [...new Set(causes.map(({ rule }) => rule))].join(',') },
    { heading: 'DOOR', cell: ({ door }) => door },
    { heading: 'REPLICA', cell: ({ replica }) => replica },
  ]
  return [table(wide ? [...columns, ...more] : columns, waiting)]
}

/** The first, how far it is, and how many others there are. */
function cause({ causes, moreCauses }: WaitingStatus): string {
  const [first] = causes
  if (!first) return ''
  const progress = first.progress === null ? '' : `, a copy is at ${first.progress} %`
  const more = causes.length - 1 + moreCauses
  return `${first.found}${progress}${more > 0 ? ` and ${more} more` : ''}`
}
