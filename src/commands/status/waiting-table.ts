import { age } from '../../time/age.ts'
import type { Column, TableLook } from '../table.ts'
import { section, type Section } from './section.ts'
import type { Status } from './status.ts'
import type { WaitingStatus } from './waiting.ts'

/** How it is shown. */
interface WaitingLook extends TableLook {
  /** Shows the rule, the door and the replica too. */
  readonly wide: boolean
}

/** The requests that wait, for whose users every other table is of use. @returns none if none is known */
export function waitingSection({ waiting, observedAt }: Status, look: WaitingLook): Section[] {
  const rows = waiting ?? []
  const now = Date.parse(observedAt)
  const columns: Column<WaitingStatus>[] = [
    { heading: 'WAITING', cell: ({ change }) => change },
    { heading: 'USER', cell: ({ user }) => user },
    { heading: 'FOR', cell: ({ since }) => age(now - Date.parse(since)) },
    { heading: 'LEFT', cell: ({ until }) => age(Date.parse(until) - now) },
    { heading: 'CAUSE', cell: cause, below: 'sentence' },
  ]
  const more: Column<WaitingStatus>[] = [
    {
      heading: 'RULE',
      cell: ({ causes }) => [...new Set(causes.map(({ rule }) => rule))].join(','),
      below: 'detail',
    },
    { heading: 'DOOR', cell: ({ door }) => door, below: 'detail' },
    { heading: 'REPLICA', cell: ({ replica }) => replica, below: 'detail' },
  ]
  return section({
    columns: look.wide ? [...columns, ...more] : columns,
    rows,
    look,
    what: 'waiting requests',
    urgent: rows.length,
  })
}

/** The first, how far it is, and how many others there are. */
function cause({ causes, moreCauses }: WaitingStatus): string {
  const [first] = causes
  if (!first) return ''
  const progress = first.progress === null ? '' : `, a copy is at ${first.progress} %`
  const more = causes.length - 1 + moreCauses
  return `${first.found}${progress}${more > 0 ? ` and ${more} more` : ''}`
}
